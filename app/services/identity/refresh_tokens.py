"""Refresh tokens as signed counters: version, session and number under an HMAC."""

import base64
import hmac
import re
import struct
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final
from uuid import UUID

_FORM: Final = re.compile(r"([0-9a-f]{32})\.([A-Za-z0-9_-]{43})")
_HEAD: Final = struct.Struct(">BQ")
_VERSION: Final = 1
_MAC_BYTES: Final = 23  # with the head 32 bytes, the length of the chained tokens of earlier releases
_MAX_NUMBER: Final = 2**31 - 1  # of the column


class TokenState(Enum):
    """The relation of a presented token to its session."""

    CURRENT = auto()
    PREVIOUS = auto()
    """Replaced by the current one: its response was lost, or two tabs refreshed at once."""
    REUSED = auto()
    """Older than that: its successor was used, so two parties hold this session."""
    UNKNOWN = auto()
    """Not signed by this service, or newer than the session."""

    @classmethod
    def of(cls, number: int | None, *, count: int) -> "TokenState":
        """Compare the number of a token with that of the session's current token."""
        if number is None or number > count:
            return cls.UNKNOWN
        if number == count:
            return cls.CURRENT
        return cls.PREVIOUS if number == count - 1 else cls.REUSED


@dataclass(frozen=True, slots=True)
class RefreshTokens:
    """Signs and verifies refresh tokens: `session.base64url(version, number, HMAC)`."""

    key: bytes

    def issue(self, session_id: UUID, number: int) -> str:
        """Return the session's token of this number: the same one at every call."""
        head = _HEAD.pack(_VERSION, number)
        mac = hmac.digest(self.key, head + session_id.bytes, "sha256")[:_MAC_BYTES]
        return f"{session_id.hex}.{base64.urlsafe_b64encode(head + mac).decode().rstrip('=')}"

    def number_of(self, token: str) -> int | None:
        """Return the number of a token; None unless this service signed it."""
        session_id, number = session_of(token), _claimed_number(token)
        if session_id is None or number is None:
            return None
        is_ours = hmac.compare_digest(token, self.issue(session_id, number))
        return number if is_ours else None


def session_of(token: str) -> UUID | None:
    """Return the session that a refresh token names; None for text of another form."""
    match = _FORM.fullmatch(token)
    return UUID(match[1]) if match else None


def is_counter(token: str) -> bool:
    """Tell whether a token has the form of a signed counter, whatever its signature.

    A chained token is random: fewer than one in 2^40 has this form by chance.
    """
    return _claimed_number(token) is not None


def _claimed_number(token: str) -> int | None:
    match = _FORM.fullmatch(token)
    if match is None:
        return None
    version, number = _HEAD.unpack_from(base64.urlsafe_b64decode(match[2] + "="))
    return int(number) if version == _VERSION and number <= _MAX_NUMBER else None
