"""Turns: a person's writes go a few at a time, so that a rush of one holds up nobody else."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

from app.errors import AppError, ServiceUnavailable

_MOST_AT_ONCE = 3
_HANGING_SECONDS = 1.5  # who failed after so long has waited in vain for all behind them, too
_LONGEST_WAIT_SECONDS = 10.0  # while the line moves; it is given up as soon as the database is away


class _Line:
    """Whose turn it is, and who waits, in the order they came."""

    def __init__(self) -> None:
        self.inside = 0
        self.failures = 0
        """How many in a row found the database away."""
        self.waiting: deque[asyncio.Future[None]] = deque()

    def leave(self) -> None:
        """Pass the turn on."""
        while self.waiting:
            if not (following := self.waiting.popleft()).done():
                following.set_result(None)
                return
        self.inside -= 1

    def give_up(self) -> None:
        """What the turns are for is away: whoever waits for it would only wait to hear the same."""
        while self.waiting:
            if not (following := self.waiting.popleft()).done():
                following.set_exception(ServiceUnavailable())


class Turns:
    """Who waits for a row that another request of the same person holds, waits here, not on a connection."""

    def __init__(self) -> None:
        self._lines: dict[Hashable, _Line] = {}

    @asynccontextmanager
    async def take(self, key: Hashable) -> AsyncIterator[None]:
        """Be one of the few of this key, which names a person, while in this block.

        Raises:
            ServiceUnavailable: the wait took too long, or those in front found the database away.
        """
        line = self._lines.setdefault(key, _Line())
        if line.inside < _MOST_AT_ONCE:
            line.inside += 1
        else:
            await self._wait(line)
        began = time.monotonic()
        try:
            yield
        except ServiceUnavailable:
            line.failures += 1
            if line.failures >= _MOST_AT_ONCE or time.monotonic() - began > _HANGING_SECONDS:
                line.give_up()
            raise
        except AppError:
            line.failures = 0  # a refusal is an answer, too
            raise
        else:
            line.failures = 0
        finally:
            line.leave()
            if line.inside == 0:
                self._lines.pop(key, None)

    async def _wait(self, line: _Line) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.waiting.append(turn)
        try:
            async with asyncio.timeout(_LONGEST_WAIT_SECONDS):
                await turn
        except (TimeoutError, asyncio.CancelledError) as error:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                line.leave()  # it came in the moment of giving up
            if isinstance(error, TimeoutError):
                raise ServiceUnavailable from error
            raise
