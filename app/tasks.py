"""Celery tasks: parse, call one service."""

from uuid import UUID

import structlog

from app.celery_app import celery
from app.queue.wake_ups import ProcessGeminiMessage, SyncStripeEvent
from app.task_events import ReplyFailedError, result_of
from app.worker import current_worker


@celery.task(name=ProcessGeminiMessage.name, throws=(ReplyFailedError,))
def process_gemini_message(reply_id: str, request_id: str | None = None) -> str:
    """Generate one reply and return its status; ignore the task if this worker does not claim it.

    Raises:
        ReplyFailedError: the reply failed for good; an expected error, so Celery logs no traceback.
    """
    with structlog.contextvars.bound_contextvars(request_id=request_id):
        return result_of(current_worker().answer(UUID(reply_id)))


@celery.task(name=SyncStripeEvent.name)
def sync_stripe_event(event_id: str, request_id: str | None = None) -> None:
    """Start one Stripe event and return: this thread is needed for replies while Stripe is called."""
    with structlog.contextvars.bound_contextvars(request_id=request_id):
        current_worker().sync_event(event_id)
