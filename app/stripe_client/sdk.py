"""Stripe's SDK; the only file that loads it, and itself loaded only when Stripe is first asked.

The import takes 0.4 s and 30 MB, which a process that only writes replies should not pay.
"""

import ssl
from dataclasses import dataclass
from http import HTTPStatus

import aiohttp
import stripe
from stripe import StripeClient

from app.stripe_client.base import StripeMissingError, StripeUnavailableError
from app.stripe_client.failures import StripeKeptFailureError, StripeRefusedError

_TIMEOUT_SECONDS = 10
_RETRIES = 1

# What aiohttp raises while a body is read is not caught by the SDK.
_CONNECTION_LOST = (stripe.APIConnectionError, aiohttp.ClientError, TimeoutError, OSError)


# What the SDK raises over an answer that is not Stripe's, such as a proxy's.
_UNREADABLE = (AttributeError, KeyError, TypeError, ValueError)


def tls_context() -> ssl.SSLContext:
    """Trust in the authorities that the SDK brings; reading them takes a while."""
    return ssl.create_default_context(cafile=stripe.ca_bundle_path)


@dataclass(frozen=True, slots=True)
class Sdk:
    """A client over aiohttp, the quickest of the SDK's transports, bound to the loop it is made on."""

    client: StripeClient
    transport: stripe.AIOHTTPClient

    @classmethod
    def create(cls, key: str, api_base: str, tls: ssl.SSLContext) -> "Sdk":
        """A client with this key for Stripe at this address; nothing is asked yet."""
        transport = stripe.AIOHTTPClient(timeout=_TIMEOUT_SECONDS, connector=aiohttp.TCPConnector(ssl=tls))
        client = StripeClient(
            key,
            base_addresses={"api": api_base.rstrip("/")},
            max_network_retries=_RETRIES,  # under the same idempotency key
            http_client=transport,
        )
        return cls(client, transport)

    async def aclose(self) -> None:
        """Close the connections."""
        await self.transport.close_async()  # type: ignore[no-untyped-call]  # the SDK does not say

    @staticmethod
    def as_our_error(error: Exception) -> Exception | None:
        """The failure in our own words; None for what is no failure of Stripe's."""
        if isinstance(error, _CONNECTION_LOST):
            return StripeUnavailableError(type(error).__name__)
        if isinstance(error, _UNREADABLE):
            return StripeUnavailableError(f"unreadable answer: {type(error).__name__}")
        return _as_ours(error) if isinstance(error, stripe.StripeError) else None


def _as_ours(error: stripe.StripeError) -> Exception:
    status = error.http_status or 0
    reason = f"{status} {type(error).__name__} {error.code}"  # never its message, which may quote a key
    if error.code == "resource_missing" or _is_gone(error):
        return StripeMissingError(reason)
    if status in (HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS):
        return StripeUnavailableError(reason)
    if (
        status >= HTTPStatus.INTERNAL_SERVER_ERROR
        and (error.headers or {}).get("idempotent-replayed") == "true"
    ):
        return StripeKeptFailureError(reason)
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return StripeRefusedError(reason)
    return StripeUnavailableError(reason)


def _is_gone(error: stripe.StripeError) -> bool:
    """A 404 about an object; one about the address itself means a wrong base, and ends no subscription."""
    is_about_address = (error.user_message or "").startswith("Unrecognized request URL")
    is_missing = isinstance(error, stripe.InvalidRequestError) and error.http_status == HTTPStatus.NOT_FOUND
    return is_missing and not is_about_address
