"""What codes may cost: windows per number, per caller's address, per block of numbers, and in all.

Their keys hold no number and no address, only HMACs of them. They go with a FLUSHALL, and so does every code:
whoever empties Redis gives the budgets out anew, but no guess.
"""

import hmac
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from app.redis_client.windows import Window

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_BLOCK_DIGITS: Final = 4
_SUBSCRIBER_BITS: Final = 64  # what a provider gives to one subscriber at least (RFC 6177)


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

    def of_code(self, *, mobile_number: str, client_address: str | None) -> list[Window]:
        """The windows of a code for this number (E.164), asked for from this address."""
        limits = self.limits
        return [
            self._window(OtpRefusal.NUMBER, "hour", mobile_number, limits.per_hour, _HOUR),
            self._window(OtpRefusal.NUMBER, "day", mobile_number, limits.per_day, _DAY),
            *self.of_signup(mobile_number=mobile_number, client_address=client_address),
            self._window(OtpRefusal.GLOBAL, "hour", "", limits.global_per_hour, _HOUR),
        ]

    def of_signup(self, *, mobile_number: str, client_address: str | None) -> list[Window]:
        """The windows of a sign-up, which tells whether a number is taken and so must not be cheap either."""
        limits = self.limits
        block = mobile_number[:-_BLOCK_DIGITS]
        subscriber = subscriber_of(client_address)
        return [
            self._window(OtpRefusal.IP, "hour", subscriber, limits.per_ip_hour, _HOUR),
            self._window(OtpRefusal.PREFIX, "hour", block, limits.per_prefix_hour, _HOUR),
        ]

    def _window(self, name: OtpRefusal, per: str, subject: str, limit: int, span: timedelta) -> Window:
        digest = hmac.digest(self.key, f"{name}\n{subject}".encode(), "sha256").hex()
        return Window(name, f"otp_budget:{name}:{per}:{digest}", limit, span)


def subscriber_of(client_address: str | None) -> str:
    """Whom an address stands for: an IPv4 address for itself, an IPv6 address for its /64.

    Callers without an address, as on a Unix socket, count as one.
    """
    try:
        address = ip_address(client_address or "")
    except ValueError:
        return client_address or "unknown"
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ip_network((address.packed, _SUBSCRIBER_BITS), strict=False))
    return str(address)
