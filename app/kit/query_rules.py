"""Says which addresses take query parameters that they do not know."""

from typing import Final

_ANY: Final = ("/health", "/metrics", "/webhook/", "/checkout/", "/docs")
"""Called by monitors, Stripe and browsers, which add parameters of their own."""


def allows_unknown_query(path: str) -> bool:
    """Whether unknown query parameters are ignored here; everywhere else they are refused."""
    return path.startswith(_ANY)
