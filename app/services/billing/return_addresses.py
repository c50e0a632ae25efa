"""Return addresses of checkouts: pages of this service, and of origins that the operator allows."""

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from app.config import Settings
from app.errors import ValidationFailed
from app.schemas.subscription import SubscribeIn
from app.stripe_client.checkouts import RETURN_ADDRESSES
from app.stripe_client.failures import StripeNotConfiguredError, StripeRefusedError

CHECKOUT_SESSION_ID = "{CHECKOUT_SESSION_ID}"
"""Stripe replaces it by the session's id."""

# Stricter than any URL parser, so that all read the same host: no user, no backslash, no space, ASCII only.
_PLAIN_ADDRESS = re.compile(
    r"(?i:https?)://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?([/?#][!-\[\]-~]*)?"
)
_DEFAULT_PORTS = {"http": 80, "https": 443}

Origin = tuple[str, str, int]
"""Scheme, host, port."""


@dataclass(frozen=True, slots=True)
class ReturnAddresses:
    """Validates the return addresses of a checkout, and fills in the defaults."""

    public_url: str
    origins: frozenset[Origin]

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Allow the origins of `PUBLIC_URL` and `ALLOWED_ORIGINS`; a `*` there allows CORS only."""
        named = (_origin(address) for address in (settings.public_url, *settings.allowed_origins))
        return cls(settings.public_url.rstrip("/"), frozenset(origin for origin in named if origin))

    def resolve(self, request: SubscribeIn) -> tuple[str, str]:
        """Return the URLs for success and for cancellation.

        Raises:
            ValidationFailed: names each address that is not on an allowed origin.
        """
        given = {"success_url": request.success_url, "cancel_url": request.cancel_url}
        problems = [
            {
                "pointer": f"/{name}",
                "code": "address_not_allowed",
                "message": "Use a full http(s) address on an origin of this service.",
            }
            for name, address in given.items()
            if address is not None and _origin(address) not in self.origins
        ]
        if problems:
            raise ValidationFailed(members={"errors": problems})
        success_url = request.success_url or f"{self.public_url}/checkout/success"
        return _with_session_id(success_url), request.cancel_url or f"{self.public_url}/checkout/cancelled"

    def explain(self, failure: StripeRefusedError, request: SubscribeIn) -> Exception:
        """Return the failure behind a rejection: the caller's address, `PUBLIC_URL`, or neither."""
        name = failure.param
        if name not in RETURN_ADDRESSES:
            return failure
        if getattr(request, name) is None:
            return StripeNotConfiguredError(f"{failure}: Stripe does not take PUBLIC_URL", param=name)
        problem = {
            "pointer": f"/{name}",
            "code": "address_refused",
            "message": "The payment service does not take this address.",
        }
        return ValidationFailed(members={"errors": [problem]})


def _origin(address: str) -> Origin | None:
    """Return the origin of a plain address; None for anything else."""
    if not _PLAIN_ADDRESS.fullmatch(address):
        return None
    parts = urlsplit(address)
    try:
        port = parts.port
    except ValueError:
        return None
    return parts.scheme, parts.hostname or "", port or _DEFAULT_PORTS[parts.scheme]


def _with_session_id(address: str) -> str:
    """Add the session's id to the query, unless the address contains the placeholder."""
    if CHECKOUT_SESSION_ID in address:
        return address
    parts = urlsplit(address)
    query = f"{parts.query}&" if parts.query else ""
    return urlunsplit(parts._replace(query=f"{query}session_id={CHECKOUT_SESSION_ID}"))
