"""Tables and the words for their states; knows neither SQLAlchemy sessions nor the web."""

from app.models.base import Base
from app.models.billing import Checkout, StripeCustomer, StripeEvent, SubscriptionSync
from app.models.chatroom import Chatroom, TitleSource
from app.models.deletion import CarriedUsage, Deletion
from app.models.message import Message, MessageStatus, Role
from app.models.periodic_job import PeriodicJob
from app.models.session import Session
from app.models.subscription import Plan, Subscription, plan_of
from app.models.usage import DailyUsage
from app.models.user import User
from app.models.worker import WorkerHeartbeat

__all__ = [
    "Base",
    "CarriedUsage",
    "Chatroom",
    "Checkout",
    "DailyUsage",
    "Deletion",
    "Message",
    "MessageStatus",
    "PeriodicJob",
    "Plan",
    "Role",
    "Session",
    "StripeCustomer",
    "StripeEvent",
    "Subscription",
    "SubscriptionSync",
    "TitleSource",
    "User",
    "WorkerHeartbeat",
    "plan_of",
]
