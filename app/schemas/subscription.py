"""Answers about a person's plan."""

from pydantic import BaseModel

from app.models import Plan
from app.schemas.base import Moment
from app.schemas.quota import Quota


class SubscriptionOut(BaseModel):
    """The plan now, what Stripe last said of it (null on Basic), and the day's use."""

    plan: Plan
    status: str | None
    current_period_end: Moment | None
    cancel_at_period_end: bool
    grace_until: Moment | None
    usage: Quota
