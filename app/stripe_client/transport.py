"""Transport of Stripe's SDK over httpx2, so that it handles proxies like the other clients.

httpx2 reads HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY once, when the client is made. The SDK's own
transports do not: aiohttp ignores the variables or, configured to use them, knows no ALL_PROXY, no proxy with
TLS and no networks in NO_PROXY, and reads them in a thread before each request.
"""

import asyncio
import ssl
from collections.abc import Mapping
from typing import NoReturn

import httpx2
import stripe

from app.kit.outgoing import reason_of

_LIMITS = httpx2.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=30)


class Httpx2Transport(stripe.HTTPClient):
    """The asynchronous part of the SDK's transport, bound to the event loop of its first call."""

    name = "httpx2"

    def __init__(self, *, tls: ssl.SSLContext, timeout_seconds: float) -> None:
        super().__init__()
        self._http = httpx2.AsyncClient(verify=tls, timeout=timeout_seconds, limits=_LIMITS)

    async def sleep_async(self, secs: float) -> None:
        """Wait between two attempts."""
        await asyncio.sleep(secs)

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: str | bytes | None = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Send one request; redirects are not followed, since they would take the key elsewhere."""
        try:
            answer = await self._http.request(method, url, headers=headers, content=post_data)
        except httpx2.LocalProtocolError as error:  # the request was never sent, nor would a retry be
            _fail(error, should_retry=False)
        except httpx2.HTTPError as error:
            _fail(error, should_retry=True)
        return answer.content, answer.status_code, answer.headers

    async def close_async(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def _fail(error: httpx2.HTTPError, *, should_retry: bool) -> NoReturn:
    raise stripe.APIConnectionError(  # type: ignore[no-untyped-call]  # the SDK does not say
        reason_of(error), should_retry=should_retry
    ) from error
