"""Budgets of codes: sliding windows per number, per network, per block of numbers, and for the service.

Redis keys hold HMACs instead of numbers and addresses. FLUSHALL resets the budgets but deletes every code, so
it allows no extra guess.
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

# Budgets of an IPv6 /64, /56 and /48, in multiples of one address. A /56 is one household; a /48 holds 256 of
# them, or thousands of a carrier's phones, as an IPv4 address behind a carrier's NAT does.
_NETWORK_BUDGETS: Final = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class OtpLimits:
    """The settings; 0 forbids all codes."""

    per_hour: int
    per_day: int
    per_ip_hour: int
    per_prefix_hour: int
    global_per_hour: int


@dataclass(frozen=True, slots=True)
class CodeRequest:
    """A request for a code: the number (E.164), and the caller's networks from narrow to wide."""

    mobile_number: str
    networks: Sequence[str]
    has_account: bool
    signed_in_before: bool
    """From the caller's narrowest network, with this number."""


@dataclass(frozen=True, slots=True)
class OtpBudgets:
    """Selects the windows that count an event. `key` serves HMACs of their subjects only."""

    limits: OtpLimits
    key: bytes

    def of_code(self, request: CodeRequest) -> list[WindowLimit]:
        """Return the windows of a code.

        Other networks cannot consume the reserve of a network that signed the number in before: half of the
        number's budget, and separate windows for the block and the service. For all others, only the
        service's window depends on the account: 10,000 invented numbers must not exhaust that of accounts.
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
        service = OtpRefusal.GLOBAL if request.has_account else OtpRefusal.UNKNOWN
        return [
            *windows,
            *self.of_signup(mobile_number=number, networks=request.networks),
            self._window(service, "hour", "", limits.global_per_hour, _HOUR),
        ]

    def of_signup(self, *, mobile_number: str, networks: Sequence[str]) -> list[WindowLimit]:
        """Return the windows of a sign-up; it is limited because its response reveals a taken number."""
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
    """Return the limit plus the reserve: half of it, rounded down."""
    return limit + limit // 2
