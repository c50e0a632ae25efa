"""Waiting for servers by a clock that stands still while this process does.

asyncio's timers also run out because the process was busy (a rush) or asleep (a paused machine). The answer
has long been there to be read then, but the timer is looked at first, and a server that is well is taken for
one that is away.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

_STEPS = 20
_LONGEST_WAIT_SECONDS = 15.0  # if more is asked than can be answered, they must hear of it


class Countdown:
    """Calls back after so many seconds, in steps of which none counts for more than its length."""

    def __init__(
        self, seconds: float, at_end: Callable[[], object], *, progress: Callable[[], int] | None = None
    ) -> None:
        """Start; every change of `progress` is a new beginning. For the running loop's thread only."""
        self._loop = asyncio.get_running_loop()
        self._step = seconds / _STEPS
        self._at_end = at_end
        self._progress = progress or (lambda: 0)
        self._seen = self._progress()
        self._left = _STEPS
        self._timer = self._loop.call_later(self._step, self._look)

    def cancel(self) -> None:
        """Stop."""
        self._timer.cancel()

    def _look(self) -> None:
        progress = self._progress()
        self._left = self._left - 1 if progress == self._seen else _STEPS
        self._seen = progress
        if self._left > 0:
            self._timer = self._loop.call_later(self._step, self._look)
        else:
            self._at_end()


@asynccontextmanager
async def patience(seconds: float, *, progress: Callable[[], int] | None = None) -> AsyncIterator[None]:
    """Bound a block, as `asyncio.timeout` does; every change of `progress` is a new beginning.

    Raises:
        TimeoutError: the seconds have passed while this process was listening.
    """
    async with asyncio.timeout(None) as limit:
        countdown = Countdown(seconds, lambda: limit.reschedule(0), progress=progress)
        try:
            yield
        finally:
            countdown.cancel()


class Line:
    """Lets in as many as there are places; the others wait in order, for as long as the line moves.

    So everybody gets their turn in a rush, and nobody waits long for a server that hangs: it ends no turn.
    """

    def __init__(self, places: int, *, seconds: float, is_failure: Callable[[BaseException], bool]) -> None:
        """A turn that ends with an error of which `is_failure` is true moves nobody.

        `seconds` is how long they wait for the line to move.
        """
        self._places = asyncio.Semaphore(places)
        self._seconds = seconds
        self._is_failure = is_failure
        self._served = 0
        self._served_at = 0.0
        self._withheld = 0  # of the places that are still to be left

    @asynccontextmanager
    async def place(self) -> AsyncIterator[float]:
        """A place for a block; yields for how many seconds the line had not moved when it was free.

        Raises:
            TimeoutError: the line stood still for too long, or was too long.
        """
        loop = asyncio.get_running_loop()
        came_at = loop.time()
        if self._places.locked():
            async with (
                asyncio.timeout(_LONGEST_WAIT_SECONDS),
                patience(self._seconds, progress=lambda: self._served),
            ):
                await self._places.acquire()
        else:
            await self._places.acquire()
        try:
            yield loop.time() - max(came_at, self._served_at)
        except Exception as error:
            if not self._is_failure(error):
                self._note_served(loop)
            raise
        else:
            self._note_served(loop)
        finally:
            self._give_back()

    def withhold(self) -> Callable[[], None]:
        """Keep the next place that is left empty, until the function that is returned is called."""
        self._withheld += 1
        return self._give_back

    def _give_back(self) -> None:
        if self._withheld:
            self._withheld -= 1
        else:
            self._places.release()

    def _note_served(self, loop: asyncio.AbstractEventLoop) -> None:
        self._served += 1
        self._served_at = loop.time()
