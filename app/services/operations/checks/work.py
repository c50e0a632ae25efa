"""Check that workers run, and that replies and Stripe's events do not wait."""

from typing import Final

from app.errors import ServiceUnavailable
from app.services.operations.checks.report import CheckResult, skipped
from app.unit_of_work import UnitOfWork

WORKERS: Final = "workers"
REPLIES: Final = "replies"
WEBHOOKS: Final = "stripe webhooks"
_LONG_PENDING_SECONDS: Final = 60.0
_LONG_UNPROCESSED_SECONDS: Final = 300.0
_UNKNOWN: Final = "the database cannot be read"


async def check_work(uow: UnitOfWork) -> list[CheckResult]:
    """Read heartbeats and queues from the database."""
    try:
        async with uow.autocommit() as tx:
            alive = await tx.workers.count_alive()
            pending = await tx.workers.count_pending()
            oldest = await tx.workers.oldest_pending_seconds()
            inbox = await tx.inspection.inbox()
    except ServiceUnavailable:
        return [skipped(name, _UNKNOWN) for name in (WORKERS, REPLIES, WEBHOOKS)]
    return [
        CheckResult(WORKERS, {"alive": alive}, () if alive else (_NO_WORKER,)),
        CheckResult(
            REPLIES,
            {"pending": pending, "oldest_seconds": round(oldest, 1)},
            (_waiting(oldest),) if oldest > _LONG_PENDING_SECONDS else (),
        ),
        CheckResult(
            WEBHOOKS,
            {"waiting": inbox.waiting, "oldest_seconds": round(inbox.oldest_seconds, 1)},
            (_unprocessed(inbox.waiting, inbox.oldest_seconds),)
            if inbox.oldest_seconds > _LONG_UNPROCESSED_SECONDS
            else (),
        ),
    ]


_NO_WORKER: Final = (
    "No worker has sent a heartbeat in the last 15 s, so no message is answered: start one with"
    " `celery -A app.celery_app worker -Q ai_processing`."
)


def _waiting(oldest: float) -> str:
    return (
        f"The oldest reply has waited for {oldest:.0f} s: start more workers, or see the workers' logs if"
        " they are not busy."
    )


def _unprocessed(waiting: int, oldest: float) -> str:
    return (
        f"{waiting} events of Stripe are not processed, the oldest for {oldest:.0f} s: see the workers' logs"
        " for the reason (`stripe_event_postponed`, `stripe_event_crashed`), repair it, and run"
        " `python -m app webhooks replay --failed-since 1d`."
    )
