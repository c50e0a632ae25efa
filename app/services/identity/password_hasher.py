"""Argon2id off the event loop, with a bounded queue that is fair to networks."""

import asyncio
import base64
import secrets
import unicodedata
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
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
_SLOTS = 8  # more than threads, so that work beside the hash leaves no thread idle
_MAX_WAITING, _MAX_WAITING_PER_NETWORK = 512, 80
_MAX_WAIT_SECONDS = 5.0
_FULL_RETRY_SECONDS = 2

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PasswordCheck:
    """The result of a comparison, with a new hash if the stored one has other parameters."""

    is_right: bool
    renewed_hash: str | None = None


class PasswordHasher:
    """Hashes and checks passwords in its own threads; their number bounds memory and CPU."""

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
        # Compared when there is no stored hash, so that the response takes as long.
        self._dummy_hash = _hash_of_no_password()

    @asynccontextmanager
    async def slot(self, network: str) -> AsyncIterator[None]:
        """Hold a slot for a block that hashes or checks; networks are served in rotation.

        Count attempts inside: a caller without a slot has not tried.

        Raises:
            ServiceUnavailable: the queue of this network or of all is full.
        """
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(self._queue.slot(network))
            except QueueFullError as error:
                raise ServiceUnavailable(retry_after=_FULL_RETRY_SECONDS) from error
            yield

    async def hash(self, password: str) -> str:
        """Return a salted hash; call inside `slot`."""
        return await self._run(lambda: self._argon2.hash(_normalized(password)))

    async def check(self, password: str, stored_hash: str | None) -> PasswordCheck:
        """Compare a password; without a stored hash it takes as long and is wrong. Call inside `slot`."""
        return await self._run(lambda: self._check(_normalized(password), stored_hash))

    def close(self) -> None:
        """Stop the threads and drop queued work."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _check(self, password: str, stored_hash: str | None) -> PasswordCheck:
        is_right, renewed = self._argon2.verify_and_update(password, stored_hash or self._dummy_hash)
        return PasswordCheck(is_right, renewed) if stored_hash and is_right else PasswordCheck(is_right=False)

    async def _run(self, work: Callable[[], T]) -> T:
        forbid_in_transaction()
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def _hash_of_no_password() -> str:
    """Return a hash of today's parameters with random bytes as its result: it costs no memory to make."""
    salt, result = (base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in (16, 32))
    return f"$argon2id$v=19$m={_MEMORY_KIB},t={_PASSES},p={_LANES}${salt}${result}"


def _normalized(password: str) -> str:
    """Return the NFKC form, as NIST SP 800-63B requires: keyboards encode one character in several ways."""
    return unicodedata.normalize("NFKC", password)
