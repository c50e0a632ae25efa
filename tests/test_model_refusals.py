"""What an answer of Google's means: an outage, a conversation it does not take, or a set-up that is wrong."""

import asyncio

import pytest
from pydantic import SecretStr

from app.config import Settings
from app.gemini_client import Failure, GeminiError, Prompt, Turn
from app.gemini_client.google import GoogleGemini
from app.models import Role
from devtools.ports import free_port
from tests.support.answering_server import AnsweringServer
from tests.support.person import Json, ok
from tests.support.stack import Stack

_KEY = "AIzaSyVisible"


def _failure(url: str) -> GeminiError:
    settings = Settings(
        database_url=SecretStr("postgresql://db/app"),
        redis_url=SecretStr("redis://redis"),
        gemini_base_url=url,
        gemini_api_key=SecretStr(_KEY),
    )

    async def run() -> GeminiError:
        gemini = GoogleGemini(settings)
        try:
            async for _ in gemini.stream(Prompt("gemini-3.8-flash", (Turn(Role.USER, "visible words"),))):
                pass
        except GeminiError as failure:
            return failure
        finally:
            await gemini.aclose()
        raise AssertionError("nothing failed")

    return asyncio.run(run())


def _error(code: int, status: str, *details: Json) -> Json:
    return {"error": {"code": code, "status": status, "message": f"visible {_KEY}", "details": list(details)}}


def _info(reason: str) -> Json:
    kind = "type.googleapis.com/google.rpc.ErrorInfo"
    return {"@type": kind, "reason": reason, "domain": "googleapis.com"}


def _fields(*names: str) -> Json:
    kind = "type.googleapis.com/google.rpc.BadRequest"
    return {"@type": kind, "fieldViolations": [{"field": name, "description": "visible"} for name in names]}


_ANSWERS: dict[str, tuple[Json, Failure, str]] = {
    "a region that Google does not serve": (
        _error(400, "FAILED_PRECONDITION"),
        Failure.NOT_CONFIGURED,
        "400 FAILED_PRECONDITION",
    ),
    "an invalid key": (
        _error(400, "INVALID_ARGUMENT", _info("API_KEY_INVALID")),
        Failure.NOT_CONFIGURED,
        "400 INVALID_ARGUMENT API_KEY_INVALID",
    ),
    "a key for another service": (
        _error(403, "PERMISSION_DENIED", _info("API_KEY_SERVICE_BLOCKED")),
        Failure.NOT_CONFIGURED,
        "403 PERMISSION_DENIED API_KEY_SERVICE_BLOCKED",
    ),
    "an API that is not enabled": (
        _error(403, "PERMISSION_DENIED", _info("SERVICE_DISABLED")),
        Failure.NOT_CONFIGURED,
        "403 PERMISSION_DENIED SERVICE_DISABLED",
    ),
    "no billing": (
        _error(429, "RESOURCE_EXHAUSTED", _info("BILLING_DISABLED")),
        Failure.NOT_CONFIGURED,
        "429 RESOURCE_EXHAUSTED BILLING_DISABLED",
    ),
    "no key": (_error(401, "UNAUTHENTICATED"), Failure.NOT_CONFIGURED, "401 UNAUTHENTICATED"),
    "an unknown model": (_error(404, "NOT_FOUND"), Failure.NOT_CONFIGURED, "404 NOT_FOUND"),
    "a field that this version does not know": (
        _error(400, "INVALID_ARGUMENT", _fields("")),
        Failure.NOT_CONFIGURED,
        "400 INVALID_ARGUMENT",
    ),
    "a limit out of range": (
        _error(400, "INVALID_ARGUMENT", _fields("generation_config.max_output_tokens")),
        Failure.NOT_CONFIGURED,
        "400 INVALID_ARGUMENT",
    ),
    "a turn that it does not take": (
        _error(400, "INVALID_ARGUMENT", _fields("contents[0].parts[0].data")),
        Failure.REJECTED,
        "400 INVALID_ARGUMENT",
    ),
    "an instruction that it does not take": (
        _error(400, "INVALID_ARGUMENT", _fields("systemInstruction.parts", "generationConfig")),
        Failure.REJECTED,
        "400 INVALID_ARGUMENT",
    ),
    "too long a conversation": (_error(400, "INVALID_ARGUMENT"), Failure.REJECTED, "400 INVALID_ARGUMENT"),
    "a rate": (
        _error(429, "RESOURCE_EXHAUSTED", _info("RATE_LIMIT_EXCEEDED")),
        Failure.RATE_LIMITED,
        "429 RESOURCE_EXHAUSTED RATE_LIMIT_EXCEEDED",
    ),
    "a conflict": (_error(409, "ABORTED"), Failure.UNAVAILABLE, "409 ABORTED"),
    "a cancelled request": (_error(499, "CANCELLED"), Failure.UNAVAILABLE, "499 CANCELLED"),
    "an overload": (_error(503, "UNAVAILABLE"), Failure.UNAVAILABLE, "503 UNAVAILABLE"),
}
_RETRIED = (Failure.UNAVAILABLE, Failure.RATE_LIMITED)


@pytest.mark.parametrize("name", _ANSWERS)
def test_an_answer_means_what_google_says(name: str) -> None:
    """Red when every 400 and 404 counts as a fault of the conversation."""
    body, failure, reason = _ANSWERS[name]
    with AnsweringServer(body["error"]["code"], body, Content_Type="application/json") as google:
        error = _failure(google.url)
    assert (error.failure, error.reason, error.retryable) == (failure, reason, failure in _RETRIED)


@pytest.mark.parametrize(("status", "failure"), [(404, Failure.NOT_CONFIGURED), (502, Failure.UNAVAILABLE)])
def test_an_answer_that_is_not_googles_is_sorted_by_its_status(status: int, failure: Failure) -> None:
    with AnsweringServer(status, b"<html>visible</html>") as google:
        error = _failure(google.url)
    assert error.failure is failure
    assert "visible" not in error.reason


def test_a_server_that_cannot_be_reached_is_unavailable_for_the_reason_of_the_system() -> None:
    """Red when a refused connection counts as an answer that broke off, or leaves only its class name."""
    error = _failure(f"http://127.0.0.1:{free_port()}")
    assert (error.failure, error.retryable) == (Failure.UNAVAILABLE, True)
    assert "Connection refused" in error.reason or "Connect call failed" in error.reason


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_a_wrong_setup_and_is_not_followed_with_the_key(status: int) -> None:
    """Red when the client follows redirects: the key goes wherever the answer points."""
    with AnsweringServer(200, {}) as elsewhere, AnsweringServer(status, {}, Location=elsewhere.url) as google:
        error = _failure(google.url)
        assert (google.requests, elsewhere.requests) == (1, 0)
    assert (error.failure, error.retryable, error.reason) == (Failure.NOT_CONFIGURED, False, str(status))


def test_a_wrong_setup_is_told_to_users_and_named_to_the_operator(own_stack: Stack) -> None:
    """Through the running worker, with the sandbox refusing the key or not knowing the model."""
    for setting, reason in (
        ({"GEMINI_API_KEY": "bad-key"}, "400 INVALID_ARGUMENT API_KEY_INVALID"),
        ({"GEMINI_MODEL": "gemini-0-unknown"}, "404 NOT_FOUND"),
    ):
        worker = own_stack.start_worker(**setting)
        person = own_stack.person(own_stack.start_api(**setting))
        reply = person.say(person.open_room(), "Hello")["reply"]
        assert (reply["status"], reply["error"]["code"]) == ("failed", "model_not_configured")
        assert "again" not in reply["error"]["detail"]
        assert reason in worker.log
        assert ok(person.http.get("/subscription/status"))["usage"]["used"] == 0
        worker.kill()
