"""Requests and responses of the admin API."""

from datetime import UTC, datetime
from enum import StrEnum, auto
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import BeforeValidator, Field, StrictInt, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.models import MessageStatus, Plan, Role
from app.schemas.base import STORABLE, Moment, Request, Response
from app.schemas.quota import Quota

_MAX_MESSAGES: Final = 1_000_000


def _time_with_zone(value: object) -> datetime:
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
        if time is not None and time.tzinfo is not None:
            return time.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise PydanticCustomError("value_error", "must be a time with its zone, such as 2027-01-31T00:00:00Z")


Reason = Annotated[str, StringConstraints(min_length=1, max_length=500), STORABLE]
"""An operator's reason; the audit log refuses one with a phone number or an e-mail address."""

FutureTime = Annotated[
    datetime, BeforeValidator(_time_with_zone), WithJsonSchema({"type": "string", "format": "date-time"})
]


class ReasonIn(Request):
    """The reason of an act, for the audit log and for the user's export: no name, number or address."""

    reason: Reason


class GrantIn(ReasonIn):
    """Pro without a subscription, until a time in the future."""

    until: FutureTime


class LimitIn(ReasonIn):
    """The user's own messages per day on Basic; null restores `BASIC_MESSAGES_PER_DAY`."""

    messages_per_day: Annotated[StrictInt, Field(ge=0, le=_MAX_MESSAGES)] | None


class PlanSource(StrEnum):
    """Why a user is on Pro."""

    SUBSCRIPTION = auto()
    GRANT = auto()


class AdminUser(Response):
    """An account, without the text of messages; of the number only the last digits are shown.

    `plan_sources` is empty on Basic. `granted_until` and `messages_per_day` are what an operator set.
    """

    id: UUID
    mobile_number: str
    full_name: str | None
    created_at: Moment
    verified_at: Moment | None
    last_login_at: Moment | None
    banned_at: Moment | None
    plan: Plan
    plan_sources: list[PlanSource]
    subscription_status: str | None
    granted_until: Moment | None
    messages_per_day: int | None
    usage: Quota
    open_sessions: int
    chatrooms: int
    messages: int


class SessionsEnded(Response):
    """The number of sessions that ended."""

    ended: int


class MessageText(Response):
    """A message with its text. The user's export shows this access and its reason."""

    id: UUID
    chatroom_id: UUID
    user_id: UUID
    role: Role
    status: MessageStatus
    content: str
    created_at: Moment


class AuditEntryOut(Response):
    """An act of an operator."""

    id: UUID
    at: Moment
    actor: str
    action: str
    subject_type: str
    subject_id: str | None
    user_id: UUID | None
    reason: str | None
    details: dict[str, Any]
    request_id: str | None


class AuditPage(Response):
    """Acts of operators, newest first."""

    entries: list[AuditEntryOut]
    next_cursor: str | None
