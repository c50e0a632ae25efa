"""Results of what operators do with replies."""

from dataclasses import dataclass
from enum import StrEnum, auto
from uuid import UUID


class RetryOutcome(StrEnum):
    """The effect of a retry."""

    DUE = auto()
    """The reply was waiting, and is due now."""
    REGENERATED = auto()
    """The reply had failed; another one to the same message waits in its place."""


@dataclass(frozen=True, slots=True)
class RetriedReply:
    """A retried reply; `reply_id` is the one that now waits."""

    retried_id: UUID
    reply_id: UUID
    outcome: RetryOutcome


class CancelOutcome(StrEnum):
    """The effect of a cancellation."""

    CANCELLED = auto()
    REQUESTED = auto()
    """A worker holds the reply, and cancels it within seconds."""
    ALREADY_ENDED = auto()


@dataclass(frozen=True, slots=True)
class CancelledReply:
    """A reply that was to be cancelled."""

    reply_id: UUID
    outcome: CancelOutcome


@dataclass(frozen=True, slots=True)
class CancelledReplies:
    """Counts of a user's replies: cancelled now, and left to their workers."""

    user_id: UUID
    cancelled: int
    requested: int
