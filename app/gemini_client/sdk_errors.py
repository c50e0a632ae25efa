"""Map exceptions of the SDK and the HTTP library to `ModelError`."""

from typing import Final

import httpx2
from google.genai import errors

from app.gemini_client.api_errors import from_response
from app.gemini_client.base import ModelError, ModelFailure
from app.gemini_client.event_stream import NotGeminiError, UnreadableStreamError
from app.kit.outgoing import reason_of

# Errors of the transport; the first matching kind counts.
_TRANSPORT: Final = {
    (httpx2.ConnectTimeout, httpx2.PoolTimeout): ModelFailure.UNAVAILABLE,
    (TimeoutError, httpx2.TimeoutException): ModelFailure.TIMEOUT,
    (httpx2.ConnectError, httpx2.ProxyError): ModelFailure.UNAVAILABLE,
    (httpx2.HTTPError,): ModelFailure.INTERRUPTED,
}
_NO_CONNECTION: Final = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
)


def as_model_error(error: Exception) -> ModelError | None:
    """Return the error that an exception of the SDK means; None if it is unexpected."""
    if isinstance(error, errors.APIError):
        return from_response(error)
    if isinstance(error, httpx2.LocalProtocolError | UnicodeEncodeError):
        return ModelError(
            ModelFailure.NOT_CONFIGURED,
            "GEMINI_API_KEY cannot be sent in a header",
            retryable=False,
            is_sent=False,
        )
    for kinds, failure in _TRANSPORT.items():
        if isinstance(error, kinds):
            is_sent = not isinstance(error, _NO_CONNECTION)
            return ModelError(failure, reason_of(error), retryable=True, is_sent=is_sent)
    if isinstance(error, NotGeminiError):
        return ModelError(ModelFailure.UNAVAILABLE, str(error), retryable=True)
    if isinstance(error, UnreadableStreamError | errors.UnknownApiResponseError | ValueError):
        details = f": {error}" if isinstance(error, UnreadableStreamError) else ""
        return ModelError(ModelFailure.INTERRUPTED, f"unreadable answer{details}", retryable=True)
    return None
