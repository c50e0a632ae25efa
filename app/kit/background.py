"""Background tasks whose failures are logged, since no caller awaits them."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine

import structlog

_PAUSE_SECONDS = 0.5

log = structlog.get_logger(__name__)


async def run_forever(work: Callable[[], Awaitable[None]], *, name: str) -> None:
    """Run `work` until it returns; after a failure log it, pause and start again."""
    while True:
        try:
            return await work()
        except Exception:
            log.exception("background_work_failed", work=name)
        await asyncio.sleep(_PAUSE_SECONDS)


class TaskSet:
    """Tasks that are referenced until they end: the event loop alone would let them be collected."""

    def __init__(self, name: str) -> None:
        """Create an empty set; `name` appears in the log when a task fails."""
        self._name = name
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """Count the tasks that have not ended."""
        return len(self._tasks)

    def start(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Run `work` in the background."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._remove)
        return task

    async def wait(self, seconds: float) -> None:
        """Wait at most `seconds` until no task runs, including tasks that start meanwhile."""
        until = time.monotonic() + seconds
        while self._tasks and (left := until - time.monotonic()) > 0:
            await asyncio.wait(self._tasks, timeout=left, return_when=asyncio.FIRST_COMPLETED)

    async def close(self, seconds: float) -> None:
        """Cancel all tasks and wait at most `seconds` for them to end."""
        for task in self._tasks:
            task.cancel()
        await self.wait(seconds)

    def _remove(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("background_work_failed", work=self._name, exc_info=error)
