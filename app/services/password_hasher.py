"""Argon2id off the event loop: few hashes at a time, few waiting, and everybody else is told to return."""

import asyncio
import secrets
import unicodedata
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from app.database import forbid_in_transaction
from app.errors import ServiceUnavailable

# OWASP's minimum for Argon2id; one hash takes 25 ms and 19 MiB on one core of a 2026 laptop.
_MEMORY_KIB, _PASSES, _LANES = 19_456, 2, 1
_AT_ONCE = 2
_MOST_UNDER_WAY = 32
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
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="password")
        self._under_way = 0
        # Checked where there is no hash, so that this takes as long.
        self._nobodys: Future[str] = self._threads.submit(self._argon2.hash, secrets.token_hex())

    async def hash(self, password: str) -> str:
        """A salted hash to keep.

        Raises:
            ServiceUnavailable: too many are waiting.
        """
        return await self._run(lambda: self._argon2.hash(_same_however_typed(password)))

    async def check(self, password: str, kept: str | None) -> PasswordCheck:
        """Compare a password; without a hash it takes as long and is wrong.

        Raises:
            ServiceUnavailable: too many are waiting.
        """
        return await self._run(lambda: self._check(_same_however_typed(password), kept))

    def require_room(self) -> None:
        """Refuse at once what would wait too long.

        Raises:
            ServiceUnavailable: too many are waiting.
        """
        if self._under_way >= _MOST_UNDER_WAY:
            raise ServiceUnavailable(retry_after=_FULL_RETRY_SECONDS)

    def close(self) -> None:
        """End the threads; what waits is dropped."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _check(self, password: str, kept: str | None) -> PasswordCheck:
        is_right, renewed = self._argon2.verify_and_update(password, kept or self._nobodys.result())
        return PasswordCheck(is_right, renewed) if kept and is_right else PasswordCheck(is_right=False)

    async def _run(self, work: Callable[[], T]) -> T:
        forbid_in_transaction()
        self.require_room()
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._under_way -= 1


def _same_however_typed(password: str) -> str:
    """One form for what keyboards write in several (NFKC, as NIST SP 800-63B asks)."""
    return unicodedata.normalize("NFKC", password)
