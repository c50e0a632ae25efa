"""Errors of the SDK and the HTTP library, said in our own words."""

from typing import Final

import httpx2
from google.genai import errors

from app.gemini_client.api_errors import from_answer
from app.gemini_client.base import ModelError, ModelFailure
from app.gemini_client.event_stream import NotGeminiError, UnreadableStreamError
from app.kit.outgoing import reason_of

# What happens on the way to Google and back; the first kind that fits counts.
_ON_THE_WAY: Final = {
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
    """The failure that an exception of the SDK means; None for what is no failure of the model's side."""
    if isinstance(error, errors.APIError):
        return from_answer(error)
    if isinstance(error, httpx2.LocalProtocolError | UnicodeEncodeError):
        return ModelError(
            ModelFailure.NOT_CONFIGURED,
            "GEMINI_API_KEY cannot be sent in a header",
            retryable=False,
            is_sent=False,
        )
    for kinds, failure in _ON_THE_WAY.items():
        if isinstance(error, kinds):
            is_sent = not isinstance(error, _NO_CONNECTION)
            return ModelError(failure, reason_of(error), retryable=True, is_sent=is_sent)
    if isinstance(error, NotGeminiError):
        return ModelError(ModelFailure.UNAVAILABLE, str(error), retryable=True)
    if isinstance(error, UnreadableStreamError | errors.UnknownApiResponseError | ValueError):
        details = f": {error}" if isinstance(error, UnreadableStreamError) else ""
        return ModelError(ModelFailure.INTERRUPTED, f"unreadable answer{details}", retryable=True)
    return None
