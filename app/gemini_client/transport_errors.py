"""Map exceptions of a call to `ModelError`."""

from typing import Final

import aiohttp

from app.gemini_client.api_errors import ErrorResponse, from_response
from app.gemini_client.base import ModelError, ModelFailure
from app.gemini_client.event_stream import UnreadableStreamError
from app.kit.outgoing import reason_of

_NO_CONNECTION: Final = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,
)


# The first matching kind counts.
_TRANSPORT: Final = {
    _NO_CONNECTION: ModelFailure.UNAVAILABLE,
    (TimeoutError,): ModelFailure.TIMEOUT,
    (aiohttp.ClientError,): ModelFailure.INTERRUPTED,
}


def as_model_error(error: Exception) -> ModelError | None:
    """Return the error that an exception of a call means; None if it is unexpected."""
    if isinstance(error, ErrorResponse):
        return from_response(error)
    for kinds, failure in _TRANSPORT.items():
        if isinstance(error, kinds):
            is_sent = not isinstance(error, _NO_CONNECTION)
            return ModelError(failure, _reason(error), retryable=True, is_sent=is_sent)
    if isinstance(error, UnreadableStreamError | ValueError | RecursionError):
        details = f": {error}" if isinstance(error, UnreadableStreamError) else ""
        return ModelError(ModelFailure.INTERRUPTED, f"unreadable answer{details}", retryable=True)
    return None


def _reason(error: Exception) -> str:
    """Return the library's reason; of a malformed response or a proxy's refusal only the status.

    aiohttp quotes what was received, and the address of the proxy, which may hold a password.
    """
    if isinstance(error, aiohttp.ClientResponseError):
        return f"{type(error).__name__}: {error.status}"
    return reason_of(error)
