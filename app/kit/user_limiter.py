"""A limit on concurrent writes for each user, so that one user cannot hold all connections."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from typing import Final

from app.errors import AppError, ServiceUnavailable
from app.kit.timeouts import StallDetector

_MAX_CONCURRENT: Final = 3
_HANGING_SECONDS: Final = 1.5  # a request that fails after so long shows that the waiters would, too
_STALL_SECONDS: Final = 0.5
_MAX_WAIT_SECONDS: Final = 10.0  # while others finish; waiters fail as soon as the database is unavailable


class _Waiters:
    """The requests of one key: how many run, and the queue of those that wait."""

    def __init__(self) -> None:
        self.running = 0
        self.failures = 0
        """How many in a row found the database unavailable."""
        self.queue: deque[asyncio.Future[None]] = deque()

    def release(self) -> None:
        """Admit the next waiter in place of a request that ended."""
        while self.queue:
            if not (following := self.queue.popleft()).done():
                following.set_result(None)
                return
        self.running -= 1

    def fail_all(self) -> None:
        """Fail all waiters: the database is unavailable."""
        while self.queue:
            if not (following := self.queue.popleft()).done():
                following.set_exception(ServiceUnavailable())


class PerUserLimiter:
    """Limit concurrent requests for each key; the others of the key wait without a connection."""

    def __init__(self) -> None:
        self._by_key: dict[Hashable, _Waiters] = {}

    @asynccontextmanager
    async def acquire(self, key: Hashable) -> AsyncIterator[None]:
        """Run the block as one of the few of this key, which usually is a user's id.

        Raises:
            ServiceUnavailable: the wait took too long, or earlier requests found the database unavailable.
        """
        waiters = self._by_key.setdefault(key, _Waiters())
        if waiters.running < _MAX_CONCURRENT:
            waiters.running += 1
        else:
            await self._wait(waiters)
        began = time.monotonic()
        with StallDetector(_STALL_SECONDS) as detector:
            try:
                yield
            except ServiceUnavailable:
                # The server ends the statements of a stalled process; that shows no outage.
                if not detector.has_stalled:
                    waiters.failures += 1
                    if waiters.failures >= _MAX_CONCURRENT or time.monotonic() - began > _HANGING_SECONDS:
                        waiters.fail_all()
                raise
            except AppError:
                waiters.failures = 0  # the database answered
                raise
            else:
                waiters.failures = 0
            finally:
                waiters.release()
                if waiters.running == 0:
                    self._by_key.pop(key, None)

    async def _wait(self, waiters: _Waiters) -> None:
        admission: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiters.queue.append(admission)
        try:
            async with asyncio.timeout(_MAX_WAIT_SECONDS):
                await admission
        except (TimeoutError, asyncio.CancelledError) as error:
            if admission.done() and not admission.cancelled() and admission.exception() is None:
                waiters.release()  # admitted at the moment of the timeout
            if isinstance(error, TimeoutError):
                raise ServiceUnavailable from error
            raise
