"""Pure functions of identity: derived keys, codes, access tokens."""

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final
from uuid import UUID

import jwt

CLOCK_LEEWAY = timedelta(seconds=30)
"""Largest difference of two replicas' clocks at which they accept each other's tokens."""

_ALGORITHM = "HS256"
_REQUIRED_CLAIMS = ["sub", "sid", "iat", "exp", "jti"]
_MAX_TOKEN_CHARS = 2000  # ours have about 350
_REMEMBERED_TOKENS: Final = 4096  # about 1 KB each


class TokenInvalidError(Exception):
    """Raised for an access token that is malformed, forged, expired or incomplete."""


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """User and session of an access token."""

    user_id: UUID
    session_id: UUID


def derive_key(secret: bytes, label: str) -> bytes:
    """Return 32 bytes by HKDF-SHA256 (RFC 5869), so that each purpose has its own key."""
    pseudorandom = hmac.digest(b"\x00" * 32, secret, "sha256")
    return hmac.digest(pseudorandom, label.encode() + b"\x01", "sha256")


def new_otp() -> str:
    """Return a six-digit code from the system's random source."""
    return f"{secrets.randbelow(1_000_000):06d}"


def otp_digest(key: bytes, *, mobile_number: str, purpose: str, otp: str) -> str:
    """Return the stored form of a code: an HMAC bound to number and purpose, in hex."""
    return hmac.new(key, f"{purpose}\n{mobile_number}\n{otp}".encode(), hashlib.sha256).hexdigest()


def number_digest(key: bytes, mobile_number: str) -> bytes:
    """Return an HMAC that identifies a deleted account's mobile number (E.164) without storing it."""
    return hmac.digest(key, mobile_number.encode(), "sha256")


def issue_access_token(
    key: bytes, *, user_id: UUID, session_id: UUID, now: datetime, lifetime: timedelta
) -> str:
    """Return a signed JWT (RFC 7519) for one session."""
    claims = {
        "sub": str(user_id),
        "sid": str(session_id),
        "iat": int(now.timestamp()),
        "exp": int((now + lifetime).timestamp()),
        "jti": secrets.token_urlsafe(12),
    }
    return jwt.encode(claims, key, algorithm=_ALGORITHM)


def read_access_token(key: bytes, token: str) -> AccessClaims:
    """Verify signature, algorithm, expiry and form; times within `CLOCK_LEEWAY`.

    Raises:
        TokenInvalidError: any of these is wrong; the error does not tell which.
    """
    if len(token) > _MAX_TOKEN_CHARS:
        raise TokenInvalidError
    verified, now, leeway = _verify(key, token), time.time(), CLOCK_LEEWAY.total_seconds()
    if not verified.issued_at - leeway <= now < verified.expires_at + leeway:
        raise TokenInvalidError
    return verified.claims


@dataclass(frozen=True, slots=True)
class _VerifiedToken:
    claims: AccessClaims
    issued_at: int
    expires_at: int


@lru_cache(_REMEMBERED_TOKENS)
def _verify(key: bytes, token: str) -> _VerifiedToken:
    """Verify a token; tokens that were valid once are remembered, so that only their times change the result.

    Raises:
        TokenInvalidError: it is not valid now. This is not remembered.
    """
    try:
        claims = jwt.decode(
            token,
            key,
            algorithms=[_ALGORITHM],
            options={"require": _REQUIRED_CLAIMS},
            leeway=CLOCK_LEEWAY,
        )
        return _VerifiedToken(
            AccessClaims(user_id=UUID(claims["sub"]), session_id=UUID(claims["sid"])),
            issued_at=int(claims["iat"]),
            expires_at=int(claims["exp"]),
        )
    except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError) as error:
        raise TokenInvalidError from error
