"""Responses of the admin API about replies, Stripe's events and reconciliation."""

from uuid import UUID

from app.models import MessageStatus
from app.schemas.base import Moment, Response


class AdminReply(Response):
    """A reply without its text. `last_error` is the reason of the last failed attempt.

    `is_latest`: it is the newest of its room. A failed reply can be retried only then.
    """

    id: UUID
    user_id: UUID
    chatroom_id: UUID
    message_id: UUID
    status: MessageStatus
    error_code: str | None
    last_error: str | None
    model: str | None
    is_superseded: bool
    is_latest: bool
    attempt: int
    retries: int
    worker_losses: int
    created_at: Moment
    completed_at: Moment | None
    next_attempt_at: Moment | None
    cancel_requested_at: Moment | None


class AdminReplyPage(Response):
    """Replies, newest first."""

    replies: list[AdminReply]
    next_cursor: str | None


class RetriedReplyOut(Response):
    """The reply that now waits, and the one that was retried.

    `outcome` is `due`: they are the same; or `regenerated`: a new reply, which is not charged.
    """

    retried_id: UUID
    reply_id: UUID
    outcome: str


class CancelledReplyOut(Response):
    """A cancelled reply; `outcome` is `cancelled`, `already_ended`, or `requested` of its worker."""

    reply_id: UUID
    outcome: str


class AdminEvent(Response):
    """An event of Stripe as it is stored, without its contents."""

    id: str
    type: str
    subscription_id: str | None
    customer_id: str | None
    created_at: Moment
    received_at: Moment
    processed_at: Moment | None
    outcome: str | None
    attempts: int
    next_attempt_at: Moment | None


class AdminEventPage(Response):
    """Stored events, those received last first."""

    events: list[AdminEvent]
    next_cursor: str | None


class ReplayedEventOut(Response):
    """An event that is due again."""

    event_id: str
    was_processed: bool


class ReconciliationOut(Response):
    """The periodic task that is due now."""

    job: str
