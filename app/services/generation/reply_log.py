"""The log line of each recorded attempt at a reply."""

import structlog

from app.models import Message

log = structlog.get_logger(__name__)


def log_recorded(reply: Message, *, model: str | None, seconds: float) -> None:
    """Log the committed row of an attempt that took `seconds` and called `model`, if it called one."""
    log.info(
        "reply_recorded",
        status=reply.status.value,
        error=reply.error_code,
        model=reply.model or model,
        input_tokens=reply.input_tokens,
        output_tokens=reply.output_tokens,
        thinking_tokens=reply.thinking_tokens,
        first_token_ms=reply.time_to_first_token_ms,
        duration_ms=round(seconds * 1000),
        queue_ms=_queue_ms(reply, seconds),
        retries=reply.retries,
        worker_losses=reply.worker_losses,
    )


def _queue_ms(reply: Message, seconds: float) -> int | None:
    """Return the time from the message to the claim of its first attempt; later ones wait for other reasons.

    Both times are the database's, so the clocks of workers do not matter.
    """
    if reply.attempt != 1 or reply.completed_at is None:
        return None
    return max(round(((reply.completed_at - reply.queued_at).total_seconds() - seconds) * 1000), 0)
