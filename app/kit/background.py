"""Work that lasts as long as its process, and outlives failures that nobody expected."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

_PAUSE_SECONDS = 0.5

log = structlog.get_logger(__name__)


async def run_forever(work: Callable[[], Awaitable[None]], *, name: str) -> None:
    """Do work whose failure would go unseen, since nobody awaits it: log it, and begin again.

    Ends when the work does.
    """
    while True:
        try:
            return await work()
        except Exception:
            log.exception("background_work_failed", work=name)
        await asyncio.sleep(_PAUSE_SECONDS)
