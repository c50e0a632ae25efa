"""Tables and the words for their states; knows neither SQLAlchemy sessions nor the web."""

from app.models.actor import Actor, Scope
from app.models.admin_key import AdminKey
from app.models.audit import AuditEntry
from app.models.base import Base
from app.models.billing import (
    Checkout,
    StripeCustomer,
    StripeEvent,
    SubscriptionSyncCursor,
    UnresolvedReason,
    UnresolvedSubscriptions,
)
from app.models.chatroom import Chatroom, TitleSource
from app.models.chatroom_key import ChatroomKey
from app.models.deletion import AccountDeletion, CarriedUsage, DeletedAccount
from app.models.installation import Installation
from app.models.message import Message, MessageStatus, Role
from app.models.periodic_job import PeriodicJob
from app.models.plan import Plan, PlanTerms, UsageWindow
from app.models.session import Session
from app.models.subscription import Subscription, VoidedPeriod, gives_pro, is_paid_pro, plan_of, pro_until
from app.models.usage import DailyUsage
from app.models.user import User
from app.models.worker import WorkerHeartbeat

__all__ = [
    "AccountDeletion",
    "Actor",
    "AdminKey",
    "AuditEntry",
    "Base",
    "CarriedUsage",
    "Chatroom",
    "ChatroomKey",
    "Checkout",
    "DailyUsage",
    "DeletedAccount",
    "Installation",
    "Message",
    "MessageStatus",
    "PeriodicJob",
    "Plan",
    "PlanTerms",
    "Role",
    "Scope",
    "Session",
    "StripeCustomer",
    "StripeEvent",
    "Subscription",
    "SubscriptionSyncCursor",
    "TitleSource",
    "UnresolvedReason",
    "UnresolvedSubscriptions",
    "UsageWindow",
    "User",
    "VoidedPeriod",
    "WorkerHeartbeat",
    "gives_pro",
    "is_paid_pro",
    "plan_of",
    "pro_until",
]
