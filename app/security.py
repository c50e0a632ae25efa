"""Pure functions of identity: derived keys, codes, access tokens."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import jwt

CLOCK_LEEWAY = timedelta(seconds=30)
"""How far the clocks of two replicas may differ without a token of the one being refused by the other."""

_ALGORITHM = "HS256"
_REQUIRED_CLAIMS = ["sub", "sid", "iat", "exp", "jti"]
_MAX_TOKEN_CHARS = 2000  # ours have about 350


class TokenInvalidError(Exception):
    """Raised for an access token that is malformed, forged, expired or incomplete."""


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """Whom an access token speaks for, and in which session."""

    user_id: UUID
    session_id: UUID


def derive_key(secret: bytes, label: str) -> bytes:
    """32 bytes for one purpose, by HKDF-SHA256 (RFC 5869), so that keys never serve two purposes."""
    pseudorandom = hmac.digest(b"\x00" * 32, secret, "sha256")
    return hmac.digest(pseudorandom, label.encode() + b"\x01", "sha256")


def new_otp() -> str:
    """A six-digit code from the system's random source."""
    return f"{secrets.randbelow(1_000_000):06d}"


def otp_digest(key: bytes, *, mobile_number: str, purpose: str, otp: str) -> str:
    """What is kept of a code: an HMAC bound to its number and purpose, in hex."""
    return hmac.new(key, f"{purpose}\n{mobile_number}\n{otp}".encode(), hashlib.sha256).hexdigest()


def number_digest(key: bytes, mobile_number: str) -> bytes:
    """What stands for a mobile number (E.164) whose account is gone; without the key it names nobody."""
    return hmac.digest(key, mobile_number.encode(), "sha256")


def issue_access_token(
    key: bytes, *, user_id: UUID, session_id: UUID, now: datetime, lifetime: timedelta
) -> str:
    """A signed JWT (RFC 7519) for one session."""
    claims = {
        "sub": str(user_id),
        "sid": str(session_id),
        "iat": int(now.timestamp()),
        "exp": int((now + lifetime).timestamp()),
        "jti": secrets.token_urlsafe(12),
    }
    return jwt.encode(claims, key, algorithm=_ALGORITHM)


def read_access_token(key: bytes, token: str) -> AccessClaims:
    """Check signature, algorithm, expiry and form; times within `CLOCK_LEEWAY`, both ways.

    Raises:
        TokenInvalidError: whatever is wrong, without saying what.
    """
    if len(token) > _MAX_TOKEN_CHARS:
        raise TokenInvalidError
    try:
        claims = jwt.decode(
            token,
            key,
            algorithms=[_ALGORITHM],
            options={"require": _REQUIRED_CLAIMS},
            leeway=CLOCK_LEEWAY,
        )
        return AccessClaims(user_id=UUID(claims["sub"]), session_id=UUID(claims["sid"]))
    except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError) as error:
        raise TokenInvalidError from error
