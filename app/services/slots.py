"""How many replies a process works on at once, kicked and polled together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Slots:
    """A semaphore of which several free places can be taken at once, without waiting."""

    def __init__(self, size: int) -> None:
        self._semaphore = asyncio.Semaphore(size)

    @asynccontextmanager
    async def take(self) -> AsyncIterator[None]:
        """Hold one place, waiting for it if need be."""
        async with self._semaphore:
            yield

    async def take_free(self, most: int) -> int:
        """Take up to `most` places that are free right now; each is to be `release`d."""
        taken = 0
        while taken < most and not self._semaphore.locked():
            await self._semaphore.acquire()
            taken += 1
        return taken

    async def wait_until_free(self) -> None:
        """Return when there is a free place."""
        async with self._semaphore:
            return

    def release(self, places: int = 1) -> None:
        """Give places back."""
        for _ in range(places):
            self._semaphore.release()
