"""Wrong passwords slow their account down, whoever sends them; without Redis each process counts alone."""

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
    FREE_TRIES,
    KEPT_SECONDS,
    LONGEST_WAIT_SECONDS,
    PasswordAttemptStore,
)

_MOST_ACCOUNTS = 10_000


@dataclass(slots=True)
class _Count:
    tries: int = 0
    open_at: float = 0.0
    last_at: float = 0.0


class LocalAttempts:
    """The rules of `PasswordAttemptStore` in this process's memory, for a bounded number of accounts."""

    def __init__(self) -> None:
        self._counts: OrderedDict[str, _Count] = OrderedDict()

    def spend(self, account: str) -> int:
        """Take a try; returns 0, or the milliseconds until there is one."""
        now = time.monotonic()
        count = self._counts.setdefault(account, _Count())
        self._counts.move_to_end(account)
        if len(self._counts) > _MOST_ACCOUNTS:
            self._counts.popitem(last=False)
        if now < count.open_at:
            count.open_at = max(count.open_at, now + FIRST_WAIT_SECONDS)
            return math.ceil((count.open_at - now) * 1000)
        if now - count.last_at > KEPT_SECONDS:
            count.tries = 0
        count.tries, count.last_at = count.tries + 1, now
        if count.tries >= FREE_TRIES:
            doublings = min(count.tries - FREE_TRIES, 30)
            count.open_at = now + min(FIRST_WAIT_SECONDS * 2**doublings, LONGEST_WAIT_SECONDS)
        return 0

    def forget(self, account: str) -> None:
        """Begin anew: the password was right."""
        self._counts.pop(account, None)


@dataclass(frozen=True, slots=True)
class PasswordAttempts:
    """Five tries, then waits of 2, 4, 8 … 900 seconds; a right password or a day without tries ends them.

    Numbers without an account are counted alike. Nobody can be locked out by others: codes stay open.
    """

    store: PasswordAttemptStore
    key: bytes
    """What numbers are hidden under."""
    local: LocalAttempts = field(default_factory=LocalAttempts)

    async def spend(self, mobile_number: str) -> None:
        """Count a try before it is compared.

        Raises:
            PasswordAttemptsExceeded: it must not be compared now, right or wrong.
        """
        account = self._account(mobile_number)
        locally = self.local.spend(account)  # always, so that losing Redis gives no fresh tries here
        try:
            wait = await self.store.spend(account)
        except RedisUnavailableError:
            wait = locally
        if wait:
            raise PasswordAttemptsExceeded(retry_after=math.ceil(wait / 1000))

    async def forget(self, mobile_number: str) -> None:
        """Begin anew: the password was right."""
        account = self._account(mobile_number)
        self.local.forget(account)
        with contextlib.suppress(RedisUnavailableError):
            await self.store.forget(account)

    def _account(self, mobile_number: str) -> str:
        return hmac.new(self.key, mobile_number.encode(), hashlib.sha256).hexdigest()
