"""Waits after wrong passwords, per number and network; without Redis each process counts its own."""

import contextlib
import hashlib
import hmac
import math
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from app.errors import PasswordAttemptsExceeded
from app.redis_client.connection import RedisUnavailableError
from app.redis_client.password_attempts import (
    FIRST_WAIT_SECONDS,
    FREE_ATTEMPTS,
    FREE_ATTEMPTS_OF_NEW_NETWORKS,
    MAX_WAIT_SECONDS,
    MEMORY_SECONDS,
    Attempt,
    PasswordAttemptStore,
)

_MAX_COUNTS = 20_000


@dataclass(slots=True)
class _Count:
    tries: int = 0
    open_at: float = 0.0
    last_at: float = 0.0

    def add(self, free_tries: int, now: float) -> None:
        if now - self.last_at > MEMORY_SECONDS:
            self.tries = 0
        self.tries, self.last_at = self.tries + 1, now
        if self.tries >= free_tries:
            doublings = min(self.tries - free_tries, 30)
            self.open_at = now + min(FIRST_WAIT_SECONDS * 2**doublings, MAX_WAIT_SECONDS)


class LocalAttempts:
    """The counts of `PasswordAttemptStore` in this process's memory, for a bounded number of keys."""

    def __init__(self) -> None:
        self._counts: OrderedDict[tuple[str, str], _Count] = OrderedDict()

    def consume(self, attempt: Attempt, *, count: bool = True) -> int:
        """Count an attempt, or only check; return 0, or the milliseconds until one is allowed."""
        now = time.monotonic()
        free_tries = {(attempt.account, attempt.network): FREE_ATTEMPTS}
        if not attempt.is_known_network:
            free_tries[attempt.account, ""] = FREE_ATTEMPTS_OF_NEW_NETWORKS
        wait = max(self._counts.get(key, _Count()).open_at - now for key in free_tries)
        if wait > 0 or not count:
            return max(math.ceil(wait * 1000), 0)
        for key, free in free_tries.items():
            self._counts.setdefault(key, _Count()).add(free, now)
            self._counts.move_to_end(key)
        while len(self._counts) > _MAX_COUNTS:
            self._counts.popitem(last=False)
        return 0

    def refund(self, attempt: Attempt) -> None:
        """Uncount a successful attempt and reset the wait of its network."""
        self._counts.pop((attempt.account, attempt.network), None)
        if not attempt.is_known_network and (count := self._counts.get((attempt.account, ""))):
            count.tries = max(count.tries - 1, 0)

    def reset(self, account: str) -> None:
        """Reset the account for all networks."""
        for key in [key for key in self._counts if key[0] == account]:
            del self._counts[key]


@dataclass(frozen=True, slots=True)
class PasswordAttempts:
    """Five attempts per number and network, then waits of 2, 4, 8 … 900 seconds before each further one.

    The same waits begin at the fiftieth attempt of all new networks together. A known network has signed the
    number in before; the waits of new networks do not apply to it, so others cannot lock its user out. A
    right password resets its network, a new password all networks, and a day without attempts any wait. A try
    before the wait is over changes nothing.

    So within 24 hours a number has at most 154 passwords compared for all new networks together, and 109 for
    each known network; on further days 96 each. A network has at most 1,000 attempts an hour at numbers that
    are new to it. Numbers without an account are counted alike.
    """

    store: PasswordAttemptStore
    key: bytes
    """For the HMACs that replace numbers and networks in Redis."""
    local: LocalAttempts = field(default_factory=LocalAttempts)

    async def require_open(self, mobile_number: str, network: str) -> None:
        """Refuse an attempt during the network's own wait; count nothing.

        Raises:
            PasswordAttemptsExceeded: the network has to wait.
        """
        await self._consume(self._attempt(mobile_number, network, is_known_network=True), count=False)

    async def consume(self, mobile_number: str, network: str, *, is_known_network: bool) -> None:
        """Count an attempt before its password is compared.

        Raises:
            PasswordAttemptsExceeded: it must not be compared now.
        """
        attempt = self._attempt(mobile_number, network, is_known_network=is_known_network)
        await self._consume(attempt, count=True)

    async def refund(self, mobile_number: str, network: str, *, is_known_network: bool) -> None:
        """Uncount a successful attempt and reset the wait of its network."""
        attempt = self._attempt(mobile_number, network, is_known_network=is_known_network)
        self.local.refund(attempt)
        with contextlib.suppress(RedisUnavailableError):
            await self.store.refund(attempt)

    async def reset(self, mobile_number: str) -> None:
        """Reset the number for all networks, after a change of its password."""
        account = self._digest(mobile_number)
        self.local.reset(account)
        with contextlib.suppress(RedisUnavailableError):
            await self.store.reset(account)

    async def _consume(self, attempt: Attempt, *, count: bool) -> None:
        # Count locally as well, so that an outage of Redis allows no further attempts here.
        local_wait = self.local.consume(attempt, count=count)
        try:
            wait = await self.store.consume(attempt, count=count)
        except RedisUnavailableError:
            wait = local_wait
        if wait:
            raise PasswordAttemptsExceeded(retry_after=math.ceil(wait / 1000))

    def _attempt(self, mobile_number: str, network: str, *, is_known_network: bool) -> Attempt:
        return Attempt(self._digest(mobile_number), self._digest(network), is_known_network)

    def _digest(self, name: str) -> str:
        return hmac.new(self.key, name.encode(), hashlib.sha256).hexdigest()
