"""A queue that admits a few at a time, in which the groups of those who wait take turns."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.kit.timeouts import stall_timeout


class QueueFullError(Exception):
    """Raised when there is no place to wait, when it was given to another group, or after too long a wait."""


class FairQueue:
    """Slots for the work of many groups; a flood of one group delays and displaces only itself.

    A slot that becomes free goes to the next group in turn, and within a group to the oldest. A group has so
    many places to wait; when all places are taken, the longest group gives its newest one to a shorter group.
    """

    def __init__(self, *, slots: int, places: int, places_per_group: int, seconds: float) -> None:
        self._free = slots
        self._places = places
        self._places_per_group = places_per_group
        self._seconds = seconds
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def slot(self, group: str) -> AsyncIterator[None]:
        """Hold a slot for a block.

        Raises:
            QueueFullError: there was none in time, or no place to wait for one.
        """
        if self._free:
            self._free -= 1
        else:
            await self._wait(group)
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, group: str) -> None:
        self._make_room(group)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(group, deque()).append(turn)
        try:
            async with stall_timeout(self._seconds):
                await turn
        except (TimeoutError, asyncio.CancelledError) as error:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._pass_on()  # it was granted in the moment of giving up
            else:
                self._remove(group, turn)
            if isinstance(error, TimeoutError):
                raise QueueFullError from error
            raise

    def _make_room(self, group: str) -> None:
        """Give the longest group's newest place to this group, if no place is free."""
        own = len(self._waiting.get(group, ()))
        if own >= self._places_per_group:
            raise QueueFullError
        if sum(map(len, self._waiting.values())) < self._places:
            return
        longest, turns = max(self._waiting.items(), key=lambda item: len(item[1]))
        if len(turns) <= own + 1:
            raise QueueFullError
        displaced = turns[-1]
        self._remove(longest, displaced)
        displaced.set_exception(QueueFullError())

    def _pass_on(self) -> None:
        while self._waiting:
            group, turns = next(iter(self._waiting.items()))
            turn = turns.popleft()
            if turns:
                self._waiting.move_to_end(group)
            else:
                del self._waiting[group]
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def _remove(self, group: str, turn: asyncio.Future[None]) -> None:
        turns = self._waiting.get(group, deque())
        if turn in turns:
            turns.remove(turn)
            if not turns:
                del self._waiting[group]
