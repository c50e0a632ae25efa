"""A queue that admits a few at a time, in which the groups of those who wait take waiters."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.kit.timeouts import stall_timeout


class QueueFullError(Exception):
    """Raised when the queue is full, when another group displaced the waiter, or after too long a wait."""


class FairQueue:
    """Slots for the work of many groups; a flood of one group delays and displaces only itself.

    A free slot goes to the next group in rotation, and within a group to the oldest waiter. The queue holds a
    limited number of waiters in all and per group. When it is full, the longest group loses its newest waiter
    to a shorter group.
    """

    def __init__(
        self, *, slots: int, max_waiting: int, max_waiting_per_group: int, max_wait_seconds: float
    ) -> None:
        self._free = slots
        self._max_waiting = max_waiting
        self._max_waiting_per_group = max_waiting_per_group
        self._max_wait_seconds = max_wait_seconds
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def slot(self, group: str) -> AsyncIterator[None]:
        """Hold a slot for a block.

        Raises:
            QueueFullError: no slot became free in time, or the queue is full.
        """
        if self._free:
            self._free -= 1
        else:
            await self._wait(group)
        try:
            yield
        finally:
            self._release()

    async def _wait(self, group: str) -> None:
        self._admit(group)
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(group, deque()).append(waiter)
        try:
            async with stall_timeout(self._max_wait_seconds):
                await waiter
        except (TimeoutError, asyncio.CancelledError) as error:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._release()  # granted at the same time
            else:
                self._remove(group, waiter)
            if isinstance(error, TimeoutError):
                raise QueueFullError from error
            raise

    def _admit(self, group: str) -> None:
        """Make room for one waiter of this group; when the queue is full, displace one of the longest group.

        Raises:
            QueueFullError: the group has all of its places, or no group is longer.
        """
        own = len(self._waiting.get(group, ()))
        if own >= self._max_waiting_per_group:
            raise QueueFullError
        if sum(map(len, self._waiting.values())) < self._max_waiting:
            return
        longest, waiters = max(self._waiting.items(), key=lambda item: len(item[1]))
        if len(waiters) <= own + 1:
            raise QueueFullError
        displaced = waiters[-1]
        self._remove(longest, displaced)
        displaced.set_exception(QueueFullError())

    def _release(self) -> None:
        """Pass the slot to the oldest waiter of the next group, or mark it as free."""
        while self._waiting:
            group, waiters = next(iter(self._waiting.items()))
            waiter = waiters.popleft()
            if waiters:
                self._waiting.move_to_end(group)
            else:
                del self._waiting[group]
            if not waiter.done():
                waiter.set_result(None)
                return
        self._free += 1

    def _remove(self, group: str, waiter: asyncio.Future[None]) -> None:
        waiters = self._waiting.get(group, deque())
        if waiter in waiters:
            waiters.remove(waiter)
            if not waiters:
                del self._waiting[group]
