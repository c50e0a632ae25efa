"""The meaning of Google's error responses: an outage, a rejected conversation, or a wrong set-up."""

from typing import cast

import aiohttp
import pytest

from app.gemini_client import ModelError, ModelFailure
from app.gemini_client.transport_errors import as_model_error
from devtools.ports import free_port
from tests.support.answering_server import AnsweringServer
from tests.support.asking_gemini import ask
from tests.support.stack import Stack
from tests.support.user import Json, ok

_KEY = "AIzaSyVisible"


def _failure(url: str) -> ModelError:
    return ask(url, key=_KEY, text="visible words").failure


def _error(code: int, status: str, *details: Json, message: str = "") -> Json:
    message = f"{message} visible {_KEY}".lstrip()
    return {"error": {"code": code, "status": status, "message": message, "details": list(details)}}


def _info(reason: str) -> Json:
    kind = "type.googleapis.com/google.rpc.ErrorInfo"
    return {"@type": kind, "reason": reason, "domain": "googleapis.com"}


def _quota(quota_id: str, value: str) -> Json:
    kind = "type.googleapis.com/google.rpc.QuotaFailure"
    return {"@type": kind, "violations": [{"quotaId": quota_id, "quotaValue": value}]}


def _fields(*names: str) -> Json:
    kind = "type.googleapis.com/google.rpc.BadRequest"
    return {"@type": kind, "fieldViolations": [{"field": name, "description": "visible"} for name in names]}


_ANSWERS: dict[str, tuple[Json, ModelFailure, str]] = {
    "a region that Google does not serve": (
        _error(400, "FAILED_PRECONDITION"),
        ModelFailure.NOT_CONFIGURED,
        "400 FAILED_PRECONDITION",
    ),
    "a region, in words": (
        _error(400, "FAILED_PRECONDITION", message="User location is not supported for the API use."),
        ModelFailure.NOT_CONFIGURED,
        "400 FAILED_PRECONDITION User location is not supported",
    ),
    "an invalid key without details": (
        _error(400, "INVALID_ARGUMENT", message="API key not valid. Please pass a valid API key."),
        ModelFailure.NOT_CONFIGURED,
        "400 INVALID_ARGUMENT API key not valid",
    ),
    "a suspended project": (
        _error(403, "PERMISSION_DENIED", _info("CONSUMER_SUSPENDED")),
        ModelFailure.NOT_CONFIGURED,
        "403 PERMISSION_DENIED CONSUMER_SUSPENDED",
    ),
    "a project without billing": (
        _error(403, "PERMISSION_DENIED", _info("BILLING_DISABLED")),
        ModelFailure.NOT_CONFIGURED,
        "403 PERMISSION_DENIED BILLING_DISABLED",
    ),
    "a limit of 0": (
        _error(429, "RESOURCE_EXHAUSTED", _quota("RequestsPerDay-FreeTier", "0")),
        ModelFailure.NOT_CONFIGURED,
        "429 RESOURCE_EXHAUSTED RequestsPerDay-FreeTier",
    ),
    "a limit of a day": (
        _error(429, "RESOURCE_EXHAUSTED", _quota("RequestsPerDay", "50")),
        ModelFailure.QUOTA_EXHAUSTED,
        "429 RESOURCE_EXHAUSTED RequestsPerDay",
    ),
    "a method that is not implemented": (
        _error(501, "UNIMPLEMENTED"),
        ModelFailure.NOT_CONFIGURED,
        "501 UNIMPLEMENTED",
    ),
    "an invalid key": (
        _error(400, "INVALID_ARGUMENT", _info("API_KEY_INVALID")),
        ModelFailure.NOT_CONFIGURED,
        "400 INVALID_ARGUMENT API_KEY_INVALID",
    ),
    "a key for another service": (
        _error(403, "PERMISSION_DENIED", _info("API_KEY_SERVICE_BLOCKED")),
        ModelFailure.NOT_CONFIGURED,
        "403 PERMISSION_DENIED API_KEY_SERVICE_BLOCKED",
    ),
    "an API that is not enabled": (
        _error(403, "PERMISSION_DENIED", _info("SERVICE_DISABLED")),
        ModelFailure.NOT_CONFIGURED,
        "403 PERMISSION_DENIED SERVICE_DISABLED",
    ),
    "no billing": (
        _error(429, "RESOURCE_EXHAUSTED", _info("BILLING_DISABLED")),
        ModelFailure.NOT_CONFIGURED,
        "429 RESOURCE_EXHAUSTED BILLING_DISABLED",
    ),
    "no key": (_error(401, "UNAUTHENTICATED"), ModelFailure.NOT_CONFIGURED, "401 UNAUTHENTICATED"),
    "an unknown model": (_error(404, "NOT_FOUND"), ModelFailure.NOT_CONFIGURED, "404 NOT_FOUND"),
    "a field that this version does not know": (
        _error(400, "INVALID_ARGUMENT", _fields("")),
        ModelFailure.NOT_CONFIGURED,
        "400 INVALID_ARGUMENT",
    ),
    "a limit out of range": (
        _error(400, "INVALID_ARGUMENT", _fields("generation_config.max_output_tokens")),
        ModelFailure.NOT_CONFIGURED,
        "400 INVALID_ARGUMENT",
    ),
    "a turn that it does not take": (
        _error(400, "INVALID_ARGUMENT", _fields("contents[0].parts[0].data")),
        ModelFailure.REJECTED,
        "400 INVALID_ARGUMENT",
    ),
    "an instruction that it does not take": (
        _error(400, "INVALID_ARGUMENT", _fields("systemInstruction.parts", "generationConfig")),
        ModelFailure.REJECTED,
        "400 INVALID_ARGUMENT",
    ),
    "too long a conversation": (
        _error(400, "INVALID_ARGUMENT"),
        ModelFailure.REJECTED,
        "400 INVALID_ARGUMENT",
    ),
    "a rate": (
        _error(429, "RESOURCE_EXHAUSTED", _info("RATE_LIMIT_EXCEEDED")),
        ModelFailure.RATE_LIMITED,
        "429 RESOURCE_EXHAUSTED RATE_LIMIT_EXCEEDED",
    ),
    "a conflict": (_error(409, "ABORTED"), ModelFailure.UNAVAILABLE, "409 ABORTED"),
    "a cancelled request": (_error(499, "CANCELLED"), ModelFailure.UNAVAILABLE, "499 CANCELLED"),
    "an overload": (_error(503, "UNAVAILABLE"), ModelFailure.UNAVAILABLE, "503 UNAVAILABLE"),
}
_RETRIED = (ModelFailure.UNAVAILABLE, ModelFailure.RATE_LIMITED)


@pytest.mark.parametrize("name", _ANSWERS)
def test_an_error_response_means_what_google_documents(name: str) -> None:
    """Red when every 400 and 404 counts as a rejected conversation."""
    body, failure, reason = _ANSWERS[name]
    with AnsweringServer(body["error"]["code"], body, Content_Type="application/json") as google:
        error = _failure(google.url)
    assert (error.failure, error.reason, error.retryable) == (failure, reason, failure in _RETRIED)


_PAGES = {
    400: ModelFailure.UNAVAILABLE,
    401: ModelFailure.NOT_CONFIGURED,
    403: ModelFailure.UNAVAILABLE,
    404: ModelFailure.UNAVAILABLE,
    407: ModelFailure.NOT_CONFIGURED,
    413: ModelFailure.REJECTED,
    418: ModelFailure.UNAVAILABLE,
    429: ModelFailure.RATE_LIMITED,
    500: ModelFailure.UNAVAILABLE,
    502: ModelFailure.UNAVAILABLE,
    503: ModelFailure.UNAVAILABLE,
    504: ModelFailure.UNAVAILABLE,
}


_BODIES = (b"visible", b"", b"\xff\xfe<html>\xe9", b"[" * 9000)


@pytest.mark.parametrize(
    ("status", "body"),
    [*((status, b"<html>visible</html>") for status in _PAGES), *((400, body) for body in _BODIES)],
)
def test_a_response_not_in_googles_form_is_mapped_by_its_status(status: int, body: bytes) -> None:
    """Red when a gateway's 400 or 404 counts as Google's: as a rejected conversation or an unknown model."""
    with AnsweringServer(status, body) as google:
        error = _failure(google.url)
    assert error.failure is _PAGES[status]
    assert error.reason == f"{status}, not in Google's form"
    assert error.retryable is (error.failure in _RETRIED)


@pytest.mark.parametrize(
    "body", [{"detail": "Not Found"}, {"error": "visible"}, {"error": {"message": "x"}}, 5]
)
@pytest.mark.parametrize(
    ("status", "failure"),
    [(400, ModelFailure.UNAVAILABLE), (403, ModelFailure.NOT_CONFIGURED), (404, ModelFailure.NOT_CONFIGURED)],
)
def test_json_not_in_googles_form_is_no_rejected_conversation(
    status: int, failure: ModelFailure, body: object
) -> None:
    with AnsweringServer(status, body, Content_Type="application/json") as google:
        assert _failure(google.url).failure is failure


def test_a_page_with_status_200_is_no_answer() -> None:
    """As captive portals and sign-in pages of gateways do."""
    with AnsweringServer(200, b"<html>visible</html>", Content_Type="text/html; charset=utf-8") as google:
        error = _failure(google.url)
    assert (error.failure, error.reason, error.retryable) == (ModelFailure.UNAVAILABLE, "200 text/html", True)


def test_an_unknown_host_and_a_server_without_tls_are_unavailable() -> None:
    with AnsweringServer(200, {}) as google:
        for url in ("https://gemini.invalid", google.url.replace("http:", "https:")):
            error = _failure(url)
            assert (error.failure, error.retryable, error.is_sent) == (ModelFailure.UNAVAILABLE, True, False)


def test_a_connection_that_cannot_be_made_in_time_is_unavailable() -> None:
    """Red when it counts as a timeout of the model."""
    error = as_model_error(aiohttp.ConnectionTimeoutError("visible"))
    assert error is not None
    assert (error.failure, error.retryable, error.is_sent) == (ModelFailure.UNAVAILABLE, True, False)


def test_a_malformed_response_leaves_only_its_status_in_the_reason() -> None:
    """Red when aiohttp's message is used: it quotes what was received."""
    malformed = aiohttp.ClientResponseError(
        cast("aiohttp.RequestInfo", None), (), status=400, message="Bad status line 'visible words'"
    )
    error = as_model_error(malformed)
    assert error is not None
    assert (error.failure, error.reason) == (ModelFailure.INTERRUPTED, "ClientResponseError: 400")


def test_a_refused_connection_is_unavailable_with_the_reason_of_the_system() -> None:
    """Red when a refused connection counts as an interrupted answer, or leaves only its class name."""
    error = _failure(f"http://127.0.0.1:{free_port()}")
    assert (error.failure, error.retryable) == (ModelFailure.UNAVAILABLE, True)
    assert "Connection refused" in error.reason or "Connect call failed" in error.reason


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_a_wrong_setup_and_is_not_followed_with_the_key(status: int) -> None:
    """Red when the client follows redirects: the key is sent to another address."""
    with AnsweringServer(200, {}) as elsewhere, AnsweringServer(status, {}, Location=elsewhere.url) as google:
        error = _failure(google.url)
        assert (google.requests, elsewhere.requests) == (1, 0)
    assert (error.failure, error.retryable, error.reason) == (
        ModelFailure.NOT_CONFIGURED,
        False,
        f"{status}, not in Google's form",
    )


def test_a_wrong_setup_is_reported_to_users_and_named_in_the_log(own_stack: Stack) -> None:
    """Through a running worker; the sandbox rejects the key or does not know the model."""
    for setting, reason in (
        ({"GEMINI_API_KEY": "bad-key"}, "400 INVALID_ARGUMENT API_KEY_INVALID"),
        ({"GEMINI_MODEL": "gemini-0-unknown"}, "404 NOT_FOUND"),
    ):
        worker = own_stack.start_worker(**setting)
        user = own_stack.user(own_stack.start_api(**setting))
        reply = user.say(user.open_room(), "Hello")["reply"]
        assert (reply["status"], reply["error"]["code"]) == ("failed", "model_not_configured")
        assert "again" not in reply["error"]["detail"]
        assert reason in worker.log
        assert ok(user.http.get("/subscription/status"))["usage"]["used"] == 0
        worker.kill()


_REFUSED = {
    "region": ("model_not_configured", "400 FAILED_PRECONDITION User location is not supported"),
    "billing": ("model_not_configured", "403 PERMISSION_DENIED BILLING_DISABLED"),
    "400-html": ("model_unavailable", "400, not in Google's form"),
    "404-html": ("model_unavailable", "404, not in Google's form"),
    "502-html": ("model_unavailable", "502, not in Google's form"),
    "400": ("model_request_rejected", "400 INVALID_ARGUMENT"),
}


def test_an_error_response_is_reported_as_what_it_is(own_stack: Stack) -> None:
    """Through a running worker: only Google's 400 about the conversation rejects it."""
    worker = own_stack.start_worker(REPLY_MAX_RETRIES="0")
    user = own_stack.user()
    for word, (code, reason) in _REFUSED.items():
        reply = user.say(user.open_room(), f"[sandbox:{word}]")["reply"]
        assert (reply["status"], reply["error"]["code"]) == ("failed", code), word
        assert f'"{reason}"' in worker.log
    assert ok(user.http.get("/subscription/status"))["usage"]["used"] == 0
