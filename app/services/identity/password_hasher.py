"""Argon2id off the event loop: few hashes at a time, few waiting of each network, the others refused."""

import asyncio
import secrets
import unicodedata
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from app.database import forbid_in_transaction
from app.errors import ServiceUnavailable
from app.kit.fair_queue import FairQueue, QueueFullError

# OWASP's minimum for Argon2id; one hash takes 25 ms and 19 MiB on one core of a 2026 laptop.
_MEMORY_KIB, _PASSES, _LANES = 19_456, 2, 1
_THREADS = 2
_SLOTS = 8  # what is done beside the hash, a few milliseconds, leaves no thread idle
_MAX_WAITING, _MAX_WAITING_PER_NETWORK = 512, 80
_MAX_WAIT_SECONDS = 5.0
_FULL_RETRY_SECONDS = 2

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PasswordCheck:
    """Whether a password was right, and its new hash when the old one was made with other parameters."""

    is_right: bool
    renewed_hash: str | None = None


class PasswordHasher:
    """Hashes and checks passwords in threads of its own, whose number bounds memory and processors."""

    def __init__(self) -> None:
        self._argon2 = PasswordHash(
            (Argon2Hasher(time_cost=_PASSES, memory_cost=_MEMORY_KIB, parallelism=_LANES),)
        )
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="password")
        self._queue = FairQueue(
            slots=_SLOTS,
            max_waiting=_MAX_WAITING,
            max_waiting_per_group=_MAX_WAITING_PER_NETWORK,
            max_wait_seconds=_MAX_WAIT_SECONDS,
        )
        # Checked where there is no hash, so that this takes as long.
        self._dummy_hash: Future[str] = self._threads.submit(self._argon2.hash, secrets.token_hex())

    @asynccontextmanager
    async def slot(self, network: str) -> AsyncIterator[None]:
        """Hold a place for the block that hashes or checks; networks take turns.

        Nothing is to be counted before: who gets no place has not tried.

        Raises:
            ServiceUnavailable: too many of this network, or of all, are waiting.
        """
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(self._queue.slot(network))
            except QueueFullError as error:
                raise ServiceUnavailable(retry_after=_FULL_RETRY_SECONDS) from error
            yield

    async def hash(self, password: str) -> str:
        """A salted hash to keep; to be called inside `slot`."""
        return await self._run(lambda: self._argon2.hash(_normalized(password)))

    async def check(self, password: str, stored_hash: str | None) -> PasswordCheck:
        """Compare a password, inside `slot`; without a hash it takes as long and is wrong."""
        return await self._run(lambda: self._check(_normalized(password), stored_hash))

    def close(self) -> None:
        """End the threads; what waits is dropped."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _check(self, password: str, stored_hash: str | None) -> PasswordCheck:
        is_right, renewed = self._argon2.verify_and_update(password, stored_hash or self._dummy_hash.result())
        return PasswordCheck(is_right, renewed) if stored_hash and is_right else PasswordCheck(is_right=False)

    async def _run(self, work: Callable[[], T]) -> T:
        forbid_in_transaction()
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def _normalized(password: str) -> str:
    """One form for what keyboards write in several (NFKC, as NIST SP 800-63B asks)."""
    return unicodedata.normalize("NFKC", password)
