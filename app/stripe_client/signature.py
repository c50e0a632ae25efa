"""Verifies webhooks: the signature scheme `v1` (https://docs.stripe.com/webhooks#verify-manually).

Not through the SDK, whose check accepts any time in the future, and raises errors of other classes for bytes
that are not UTF-8. The receiving process also need not import the SDK.
"""

import hmac
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256

TOLERANCE_SECONDS = 300


def is_signed_by_stripe(body: bytes, header: str | None, *, secrets: Iterable[str], now: datetime) -> bool:
    """Whether one of the secrets signed this body at most five minutes before or after `now`."""
    timestamp, signatures = _parts(header or "")
    if timestamp is None or abs(now.timestamp() - timestamp) > TOLERANCE_SECONDS:
        return False
    expected = [
        hmac.new(secret.encode(), b"%d." % timestamp + body, sha256).hexdigest().encode()
        for secret in secrets
    ]
    return any(hmac.compare_digest(given, ours) for given in signatures for ours in expected)


def _parts(header: str) -> tuple[int | None, list[bytes]]:
    """Parse the time and the `v1` signatures from `t=…,v1=…,v1=…,v0=…`."""
    timestamp: int | None = None
    signatures = []
    for part in header.split(","):
        name, _, value = part.strip().partition("=")
        if name == "t" and value.isascii() and value.isdigit() and len(value) <= len("253402300799"):
            timestamp = int(value)
        elif name == "v1":
            signatures.append(value.encode(errors="replace"))
    return timestamp, signatures
