"""Rule that decides which paths accept unknown query parameters."""

from typing import Final

_ANY: Final = ("/health", "/metrics", "/webhook/", "/checkout/", "/docs")
"""Requested by monitors, Stripe and browsers, which add parameters of their own."""


def allows_unknown_query(path: str) -> bool:
    """Whether unknown query parameters are ignored on this path; on all others they are rejected."""
    return path.startswith(_ANY)
