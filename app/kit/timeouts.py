"""Timeouts that do not count time in which the event loop was stalled.

A process that is busy or was paused fires asyncio's timers before it reads responses that arrived in time,
and would report a timeout of a healthy server.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, Self

_STEPS: Final = 20
_MAX_WAIT_SECONDS: Final = 15.0  # under overload callers get an error rather than wait on


class Watchdog:
    """Call back after a number of seconds, counted in steps, of which a late one counts once."""

    def __init__(
        self, seconds: float, at_end: Callable[[], object], *, progress: Callable[[], int] | None = None
    ) -> None:
        """Start on the running loop, for its thread only; each change of `progress` restarts the time."""
        self._loop = asyncio.get_running_loop()
        self._step = seconds / _STEPS
        self._at_end = at_end
        self._progress = progress or (lambda: 0)
        self._last_progress = self._progress()
        self._steps_left = _STEPS
        self._timer = self._loop.call_later(self._step, self._count_step)

    def cancel(self) -> None:
        """Stop without a call."""
        self._timer.cancel()

    def _count_step(self) -> None:
        progress = self._progress()
        self._steps_left = self._steps_left - 1 if progress == self._last_progress else _STEPS
        self._last_progress = progress
        if self._steps_left > 0:
            self._timer = self._loop.call_later(self._step, self._count_step)
        else:
            self._at_end()


class StallDetector:
    """Detect whether the event loop stalled for at least `seconds` while a block ran."""

    def __init__(self, seconds: float) -> None:
        """Create a detector for one `with` block."""
        self._loop = asyncio.get_running_loop()
        self._seconds = seconds
        self._has_stalled = False

    def __enter__(self) -> Self:
        """Start."""
        self._schedule()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._timer.cancel()

    @property
    def has_stalled(self) -> bool:
        """Whether a step was late by `seconds`, including the step that is due now."""
        return self._has_stalled or self._is_late()

    def _schedule(self) -> None:
        self._due = self._loop.time() + self._seconds
        self._timer = self._loop.call_at(self._due, self._count_step)

    def _count_step(self) -> None:
        self._has_stalled = self.has_stalled
        self._schedule()

    def _is_late(self) -> bool:
        return self._loop.time() - self._due > self._seconds


@asynccontextmanager
async def stall_timeout(seconds: float, *, progress: Callable[[], int] | None = None) -> AsyncIterator[None]:
    """Bound a block, as `asyncio.timeout` does; each change of `progress` restarts the time.

    Raises:
        TimeoutError: the seconds passed while the event loop was running.
    """
    async with asyncio.timeout(None) as limit:
        watchdog = Watchdog(seconds, lambda: limit.reschedule(0), progress=progress)
        try:
            yield
        finally:
            watchdog.cancel()


class AdmissionQueue:
    """Admit a number of callers at once; the others wait in order for as long as slots are released.

    Under load all callers are admitted in time. If the server hangs, no slot is released and all waiters
    time out.
    """

    def __init__(self, slots: int, *, seconds: float, is_failure: Callable[[BaseException], bool]) -> None:
        """Create the queue.

        Args:
            slots: How many callers are admitted at once.
            seconds: How long a caller waits while no slot is released.
            is_failure: Whether an error shows that the server failed. A slot that ends with such an error
                does not count as released.
        """
        self._slots = asyncio.Semaphore(slots)
        self._seconds = seconds
        self._is_failure = is_failure
        self._served = 0
        self._served_at = 0.0
        self._withheld = 0  # of the slots that are still to be released

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[float]:
        """Hold a slot for a block; yields for how many seconds no slot had been released before.

        Raises:
            TimeoutError: no slot was released for too long, or too many were waiting.
        """
        loop = asyncio.get_running_loop()
        arrived_at = loop.time()
        if self._slots.locked():
            async with (
                asyncio.timeout(_MAX_WAIT_SECONDS),
                stall_timeout(self._seconds, progress=lambda: self._served),
            ):
                await self._slots.acquire()
        else:
            await self._slots.acquire()
        try:
            yield loop.time() - max(arrived_at, self._served_at)
        except Exception as error:
            if not self._is_failure(error):
                self._count_served(loop)
            raise
        else:
            self._count_served(loop)
        finally:
            self._release()

    def withhold(self) -> Callable[[], None]:
        """Keep the next slot that is released empty until the returned function is called."""
        self._withheld += 1
        return self._release

    def _release(self) -> None:
        if self._withheld:
            self._withheld -= 1
        else:
            self._slots.release()

    def _count_served(self, loop: asyncio.AbstractEventLoop) -> None:
        self._served += 1
        self._served_at = loop.time()
