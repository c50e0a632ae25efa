"""Whether a webhook comes from Stripe: the signature scheme `v1` (https://docs.stripe.com/webhooks#verify-manually).

By hand instead of through the SDK, whose check accepts any time in the future and raises other errors than
its own for bytes that are no UTF-8; and so that receiving an event does not load the SDK.
"""

import hmac
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256

TOLERANCE_SECONDS = 300


def is_signed_by_stripe(body: bytes, header: str | None, *, secrets: Iterable[str], now: datetime) -> bool:
    """Whether one of the secrets signed this very body at most five minutes before or after `now`."""
    moment, signatures = _parts(header or "")
    if moment is None or abs(now.timestamp() - moment) > TOLERANCE_SECONDS:
        return False
    expected = [
        hmac.new(secret.encode(), b"%d." % moment + body, sha256).hexdigest().encode() for secret in secrets
    ]
    return any(hmac.compare_digest(given, ours) for given in signatures for ours in expected)


def _parts(header: str) -> tuple[int | None, list[bytes]]:
    """The time and the `v1` signatures of `t=…,v1=…,v1=…,v0=…`."""
    moment: int | None = None
    signatures = []
    for part in header.split(","):
        name, _, value = part.strip().partition("=")
        if name == "t" and value.isascii() and value.isdigit() and len(value) <= len("253402300799"):
            moment = int(value)
        elif name == "v1":
            signatures.append(value.encode(errors="replace"))
    return moment, signatures
