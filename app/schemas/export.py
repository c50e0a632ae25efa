"""Exports of an account and of a room; they contain no credentials."""

from datetime import date
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AliasChoices, BaseModel, Field

from app.models import Message, Plan, User
from app.schemas.base import Moment, Response, open_enum
from app.schemas.chatroom import ChatroomOut
from app.schemas.message import MessageOut
from app.schemas.user import UsageDay, UserOut


class ExportFormat(StrEnum):
    """JSON for programs, Markdown for reading."""

    JSON = "json"
    MARKDOWN = "markdown"


class ExportedAccount(UserOut):
    """The account."""

    verified_at: Moment | None
    stripe_customer_id: str | None

    @classmethod
    def of_user(cls, user: User, plan: Plan, stripe_customer_id: str | None) -> "ExportedAccount":
        """Return the account with its current plan."""
        return cls(
            **UserOut.of(user, plan).model_dump(),
            verified_at=user.verified_at,
            stripe_customer_id=stripe_customer_id,
        )


class ExportedSession(Response):
    """A session."""

    id: UUID
    opened_by: Annotated[
        str, open_enum("SignInMethod"), Field(validation_alias=AliasChoices("auth_method", "opened_by"))
    ]
    device_name: str | None
    user_agent: str | None
    ip_address: str | None
    created_at: Moment
    last_used_at: Moment
    last_used_ip: str | None
    refresh_expires_at: Moment
    ended_at: Moment | None


class ExportedSubscription(Response):
    """A subscription as Stripe last reported it."""

    stripe_subscription_id: str
    status: Annotated[str, open_enum("SubscriptionStatus")]
    current_period_start: Moment | None
    current_period_end: Moment | None
    cancel_at_period_end: bool
    grace_until: Moment | None
    voided_period: str | None
    product_id: str | None
    created_at: Moment
    updated_at: Moment


class ExportedCheckout(Response):
    """A checkout for Pro and its payment page."""

    session_id: str | None = Field(validation_alias="checkout_session_id")
    session_url: str | None
    success_url: str
    cancel_url: str
    created_at: Moment
    expires_at: Moment | None
    closed_at: Moment | None


class OperatorAction(Response):
    """An operator's change or access: `action` is `user.banned`, `message.text_read` or the like."""

    at: Moment
    action: str
    subject_id: str | None
    reason: str | None


class ExportedMessage(MessageOut):
    """A message, with how it was sent and charged."""

    idempotency_key: str | None
    request_id: str | None
    charged_on: date | None

    @classmethod
    def of_row(cls, row: Message) -> "ExportedMessage":
        """Return the exported form of a row."""
        return cls(
            **MessageOut.of(row).model_dump(),
            idempotency_key=row.idempotency_key,
            request_id=row.request_id,
            charged_on=row.charged_on,
        )


class ExportedRoom(ChatroomOut):
    """A room; its messages follow."""

    summary: str | None


class ExportedRoomWithMessages(ExportedRoom):
    """A room with all its messages, oldest first."""

    messages: list[ExportedMessage]


class AccountExport(BaseModel):
    """Everything stored about the user."""

    exported_at: Moment
    account: ExportedAccount
    sessions: list[ExportedSession]
    usage: list[UsageDay]
    subscriptions: list[ExportedSubscription]
    checkouts: list[ExportedCheckout]
    operator_actions: list[OperatorAction]
    chatrooms: list[ExportedRoomWithMessages]


class ChatroomExport(BaseModel):
    """A room with all its messages, oldest first."""

    exported_at: Moment
    chatroom: ChatroomOut
    messages: list[MessageOut]
