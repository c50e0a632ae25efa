"""What codes may cost: windows per number, per caller's network, per block of numbers, and in all.

Their keys hold no number and no address, only HMACs of them. They go with a FLUSHALL, and so does every code:
whoever empties Redis gives the budgets out anew, but no guess.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from app.redis_client.windows import WindowLimit
from app.services.identity.otp_refusal import OtpRefusal

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_BLOCK_DIGITS: Final = 4

# What an IPv6 /64, /56 and /48 may ask for, in budgets of one address. A /56 is one household's; a /48 has
# 256 of them, or thousands of a carrier's phones, as an IPv4 address behind a carrier's NAT has.
_NETWORK_BUDGETS: Final = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class OtpLimits:
    """The settings; 0 means none at all, as with every limit."""

    per_hour: int
    per_day: int
    per_ip_hour: int
    per_prefix_hour: int
    global_per_hour: int


@dataclass(frozen=True, slots=True)
class CodeRequest:
    """A number (E.164) that a code is asked for, by a caller of these networks, from narrow to wide."""

    mobile_number: str
    networks: Sequence[str]
    has_account: bool
    signed_in_before: bool
    """Whether the caller's narrowest network signed this number in before."""


@dataclass(frozen=True, slots=True)
class OtpBudgets:
    """Says which windows an event is counted in. `key` is for HMACs and serves nothing else."""

    limits: OtpLimits
    key: bytes

    def of_code(self, request: CodeRequest) -> list[WindowLimit]:
        """Return the windows of a code.

        A network that signed the number in before has what no stranger can spend: half as much again as the
        number's budget, and windows of its own for the block and in all. Otherwise only the windows in all
        depend on whether the number has an account: 10,000 invented numbers must not close those of accounts.
        """
        limits, number = self.limits, request.mobile_number
        callers = "known" if request.signed_in_before else "other"
        windows = [
            self._window(OtpRefusal.NUMBER, "hour", number, _with_reserve(limits.per_hour), _HOUR),
            self._window(OtpRefusal.NUMBER, "day", number, _with_reserve(limits.per_day), _DAY),
            self._window(OtpRefusal.NUMBER, "hour", f"{number}\n{callers}", limits.per_hour, _HOUR),
            self._window(OtpRefusal.NUMBER, "day", f"{number}\n{callers}", limits.per_day, _DAY),
        ]
        if request.signed_in_before:
            own = "from networks that signed the number in before"
            block = f"{_block(number)}\n{own}"
            return [
                *windows,
                *self._of_networks(request.networks[:1]),
                self._window(OtpRefusal.PREFIX, "hour", block, limits.per_prefix_hour, _HOUR),
                self._window(OtpRefusal.GLOBAL, "hour", own, limits.global_per_hour, _HOUR),
            ]
        whole = OtpRefusal.GLOBAL if request.has_account else OtpRefusal.UNKNOWN
        return [
            *windows,
            *self.of_signup(mobile_number=number, networks=request.networks),
            self._window(whole, "hour", "", limits.global_per_hour, _HOUR),
        ]

    def of_signup(self, *, mobile_number: str, networks: Sequence[str]) -> list[WindowLimit]:
        """Return the windows of a sign-up, which costs something since it tells whether a number is taken."""
        return [
            *self._of_networks(networks),
            self._window(
                OtpRefusal.PREFIX, "hour", _block(mobile_number), self.limits.per_prefix_hour, _HOUR
            ),
        ]

    def _of_networks(self, networks: Sequence[str]) -> list[WindowLimit]:
        return [
            self._window(OtpRefusal.IP, "hour", network, self.limits.per_ip_hour * budgets, _HOUR)
            for network, budgets in zip(networks, _NETWORK_BUDGETS, strict=False)
        ]

    def _window(self, name: OtpRefusal, per: str, subject: str, limit: int, span: timedelta) -> WindowLimit:
        digest = hmac.digest(self.key, f"{name}\n{subject}".encode(), "sha256").hex()
        return WindowLimit(name, f"otp_budget:{name}:{per}:{digest}", limit, span)


def _block(mobile_number: str) -> str:
    return mobile_number[:-_BLOCK_DIGITS]


def _with_reserve(limit: int) -> int:
    """Return a limit with the half of it, rounded down, that strangers cannot spend."""
    return limit + limit // 2
