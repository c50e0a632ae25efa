"""Refresh tokens of earlier releases: each is the HMAC of the one before; the session keeps a hash.

No more of them are issued. This module and the columns `refresh_hash`, `chain_hash` and `chain_count` go once
the last ones have expired: `REFRESH_TOKEN_DAYS` after no process of an earlier release runs any more.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from app.models import Session

_MAX_STEPS: Final = 1000
"""Older tokens are unknown: this many steps take 5 ms, and any caller can ask for them."""


@dataclass(frozen=True, slots=True)
class ChainedTokens:
    """Finds the number of a chained token: walks on from it to a token whose number is stored."""

    key: bytes

    def number_of(self, token: str, session: Session, *, current: str) -> int | None:
        """Return the number of a chained token, None if it is none of this session.

        Args:
            token: what was presented.
            session: its row.
            current: the signed token of the session's number.
        """
        stored = []
        if session.refresh_hash != token_digest(current):
            stored.append((session.refresh_hash, session.refresh_count))
        if session.chain_hash is not None and session.chain_count is not None:
            stored.append((session.chain_hash, session.chain_count))
        if not stored:
            return None
        for step in range(min(max(number for _, number in stored), _MAX_STEPS) + 1):
            digest = token_digest(token)
            for kept, number in stored:
                if hmac.compare_digest(digest, kept):
                    return number - step
            token = next_chained_token(self.key, token)
        return None


def keep_chained(session: Session, *, current: str) -> None:
    """Keep hash and number of a chained token before a signed one replaces it."""
    if session.refresh_hash != token_digest(current):
        session.chain_hash, session.chain_count = session.refresh_hash, session.refresh_count


def token_digest(token: str) -> bytes:
    """Return the hash of a token; its random bits or its HMAC need no slow hash."""
    return hashlib.sha256(token.encode()).digest()


def next_chained_token(key: bytes, token: str) -> str:
    """Return the chained token that follows this one: always the same."""
    secret = hmac.digest(key, token.encode(), "sha256")
    session_id, _, _ = token.partition(".")
    return f"{session_id}.{base64.urlsafe_b64encode(secret).decode().rstrip('=')}"
