"""Count the recorded end of an attempt at a reply."""

from app.metrics import worker as metrics
from app.models import Message, MessageStatus
from app.services.generation.leases import Lease
from app.services.generation.outcomes import AnyOutcome, Outcome, RetryLater


def attempt_recorded(outcome: AnyOutcome, lease: Lease, ended: Message) -> None:
    """Count an attempt with its tokens, and the reply if it has ended; `ended` is its committed row."""
    usage = lease.usage
    thinking = usage.counts.thinking_tokens if usage.counts else 0
    metrics.tokens_used(
        lease.model,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens - thinking,
        thinking_tokens=thinking,
    )
    if not isinstance(outcome, Outcome):
        metrics.attempt_ended("retry" if isinstance(outcome, RetryLater) else "released")
        return
    end = _ENDS[outcome.status]
    metrics.attempt_ended(end)
    metrics.reply_ended(
        end,
        model=lease.model,
        first_token=outcome.time_to_first_token,
        duration=(ended.duration_ms or 0) / 1000,
    )


_ENDS: dict[MessageStatus, metrics.ReplyOutcome] = {
    MessageStatus.COMPLETED: "completed",
    MessageStatus.FAILED: "failed",
    MessageStatus.BLOCKED: "blocked",
    MessageStatus.CANCELLED: "cancelled",
}
