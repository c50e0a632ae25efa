"""What codes may cost: windows per number, per caller's address, per block of numbers, and in all.

Their keys hold no number and no address, only HMACs of them. They go with a FLUSHALL, and so does every code:
whoever empties Redis gives the budgets out anew, but no guess.
"""

import hmac
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from app.redis_client.windows import Window

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_BLOCK_DIGITS: Final = 4


class OtpRefusal(StrEnum):
    """Why no code was sent."""

    RESEND = "resend"
    NUMBER = "number"
    IP = "ip"
    PREFIX = "prefix"
    GLOBAL = "global"
    COUNTRY = "country"


@dataclass(frozen=True, slots=True)
class OtpLimits:
    """The settings; 0 means none at all, as with every limit."""

    per_hour: int
    per_day: int
    per_ip_hour: int
    per_prefix_hour: int
    global_per_hour: int


@dataclass(frozen=True, slots=True)
class OtpBudgets:
    """Says which windows an event is counted in. `key` is for HMACs and serves nothing else."""

    limits: OtpLimits
    key: bytes

    def of_code(self, *, mobile_number: str, caller: str) -> list[Window]:
        """The windows of a code for this number (E.164), asked for by this caller."""
        limits = self.limits
        return [
            self._window(OtpRefusal.NUMBER, "hour", mobile_number, limits.per_hour, _HOUR),
            self._window(OtpRefusal.NUMBER, "day", mobile_number, limits.per_day, _DAY),
            *self.of_signup(mobile_number=mobile_number, caller=caller),
            self._window(OtpRefusal.GLOBAL, "hour", "", limits.global_per_hour, _HOUR),
        ]

    def of_signup(self, *, mobile_number: str, caller: str) -> list[Window]:
        """The windows of a sign-up, which tells whether a number is taken and so must not be cheap either."""
        limits = self.limits
        block = mobile_number[:-_BLOCK_DIGITS]
        return [
            self._window(OtpRefusal.IP, "hour", caller, limits.per_ip_hour, _HOUR),
            self._window(OtpRefusal.PREFIX, "hour", block, limits.per_prefix_hour, _HOUR),
        ]

    def _window(self, name: OtpRefusal, per: str, subject: str, limit: int, span: timedelta) -> Window:
        digest = hmac.digest(self.key, f"{name}\n{subject}".encode(), "sha256").hex()
        return Window(name, f"otp_budget:{name}:{per}:{digest}", limit, span)
