"""The caller's account, its changes, and its usage."""

from datetime import date
from uuid import UUID

from pydantic import BaseModel

from app.models import DailyUsage, Plan, User
from app.schemas.base import Moment, Name, Patch, Response
from app.schemas.quota import Quota


class UserOut(Response):
    """The user's account."""

    id: UUID
    mobile_number: str
    full_name: str | None
    has_password: bool
    created_at: Moment
    last_login_at: Moment | None
    plan: Plan

    @classmethod
    def of(cls, user: User, plan: Plan) -> "UserOut":
        """Return the account with its current plan."""
        return cls(
            id=user.id,
            mobile_number=user.mobile_number,
            full_name=user.full_name,
            has_password=user.password_hash is not None,
            created_at=user.created_at,
            last_login_at=user.last_login_at,
            plan=plan,
        )


class UserPatch(Patch):
    """The changes to the account. Fields that are absent stay as they are; null clears the name."""

    full_name: Name | None = None


class UsageDay(BaseModel):
    """A UTC day: counted messages, and the tokens of all calls to Gemini for replies."""

    day: date
    messages: int
    input_tokens: int
    output_tokens: int

    @classmethod
    def of(cls, row: DailyUsage) -> "UsageDay":
        """Return a day with usage."""
        return cls(
            day=row.day, messages=row.used, input_tokens=row.input_tokens, output_tokens=row.output_tokens
        )

    @classmethod
    def empty(cls, day: date) -> "UsageDay":
        """Return a day without usage."""
        return cls(day=day, messages=0, input_tokens=0, output_tokens=0)


class UsageOut(Quota):
    """Today's quota, and the usage of the last days, newest first."""

    days: list[UsageDay]


class DeletionOut(BaseModel):
    """The account is closed."""

    message: str
