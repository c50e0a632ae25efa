"""The log fields and the span of one attempt at a reply."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from app import tracing
from app.models import Message
from app.repositories.claims import ReplyJob
from app.services.generation.leases import Lease
from app.services.generation.outcomes import AnyOutcome


@contextmanager
def attempt_context(reply: ReplyJob, *, claimed_at: float) -> Iterator[None]:
    """Log and trace this block as an attempt at this reply, in the trace of the request that stored it."""
    span = tracing.job_span(
        "process reply", traceparent=reply.traceparent, started=claimed_at, attempt=reply.attempt
    )
    with (
        span,
        structlog.contextvars.bound_contextvars(
            request_id=reply.request_id,
            user_id=str(reply.user_id),
            chatroom_id=str(reply.chatroom_id),
            reply_id=str(reply.id),
            attempt=reply.attempt,
            **tracing.log_fields(),
        ),
    ):
        yield


def trace_outcome(outcome: AnyOutcome, ended: Message, lease: Lease) -> None:
    """Add a recorded outcome to the span of its attempt."""
    tracing.annotate(
        outcome=outcome.name,
        error=ended.error_code,
        model=lease.model,
        input_tokens=lease.usage.input_tokens,
        output_tokens=lease.usage.output_tokens,
    )
