"""Bad input gets a clear documented error, and nothing is stored."""

import httpx
import pytest

from tests.support.stack import Stack
from tests.support.user import Json, User, client, problem

_JSON = {"Content-Type": "application/json"}


def _pointers(body: Json) -> list[str]:
    return [error["pointer"] for error in body["errors"]]


@pytest.mark.parametrize(
    "number", ["", "   ", "hello", "12", "+1", "+999 123456789", "4155550123", "+1415555012345678", "\u0000"]
)
def test_a_malformed_mobile_number_is_rejected(stack: Stack, number: str) -> None:
    with client(stack.base_url) as anyone:
        for address in ("/auth/signup", "/auth/send-otp"):
            body = problem(anyone.post(address, json={"mobile_number": number}), 400, "validation_failed")
            assert _pointers(body) == ["/mobile_number"]
        answer = anyone.post("/auth/verify-otp", json={"mobile_number": number, "otp": "123456"})
        assert _pointers(problem(answer, 400, "validation_failed")) == ["/mobile_number"]


@pytest.mark.parametrize("otp", ["", "12345", "1234567", "abcdef", "\uff11\uff12\uff13\uff14\uff15"])
def test_a_malformed_code_is_rejected(stack: Stack, otp: str) -> None:
    with client(stack.base_url) as anyone:
        answer = anyone.post("/auth/verify-otp", json={"mobile_number": "+14155550123", "otp": otp})
    assert _pointers(problem(answer, 400, "validation_failed")) == ["/otp"]


@pytest.mark.parametrize("content", ["", " \n\t ", "a" * 32_001, "a" * 40_000, "NUL \u0000 inside"])
def test_a_blank_or_too_long_message_is_rejected_and_not_stored(user: User, content: str) -> None:
    room = user.open_room()
    body = problem(user.post(room, content), 400, "validation_failed")
    assert _pointers(body) == ["/content"]
    assert user.http.get(f"/chatroom/{room}").json()["message_count"] == 0
    assert user.usage()["used"] == 0


def test_a_message_of_the_maximum_length_is_accepted(user: User) -> None:
    exchange = user.say(user.open_room(), "é" * 32_000)
    assert exchange["reply"]["status"] == "completed"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b"[]",
        b'"text"',
        b"null",
        b'{"content": 5}',
        b'{"content": null}',
        b'{"content": "\\ud800"}',
        b'{"\\ud800": "x", "content": "x"}',
        b'{"content": "\xff\xfe"}',
        b"\xff\xfe\x00",
        b'{"content": ["a"]}',
        b"{}",
        b'{"content": "x", "status": "completed"}',
        b"[" * 10_000 + b"]" * 10_000,
        b'{"content": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        b'{"content": ' + b"9" * 10_000 + b"}",
    ],
    ids=lambda body: repr(body[:24]),
)
def test_a_malformed_body_is_rejected_and_not_stored(user: User, body: bytes) -> None:
    room = user.open_room()
    answer = user.http.post(f"/chatroom/{room}/message", content=body, headers=_JSON)
    problem(answer, 400, "validation_failed")
    assert user.http.get(f"/chatroom/{room}").json()["message_count"] == 0


def test_a_body_that_is_not_declared_as_json_is_unsupported(user: User) -> None:
    room = user.open_room()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        answer = user.http.post(
            f"/chatroom/{room}/message", content=b'{"content": "x"}', headers={"Content-Type": kind}
        )
        problem(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_a_mebibyte_is_rejected(user: User, chunked: bool) -> None:  # noqa: FBT001  # pytest's
    room = user.open_room()
    body = b'{"content": "' + b"a" * 2 * 1024 * 1024 + b'"}'
    content = iter([body[:1000], body[1000:]]) if chunked else body
    answer = user.http.post(f"/chatroom/{room}/message", content=content, headers=_JSON)
    problem(answer, 413, "body_too_large")


def test_an_unknown_address_and_a_wrong_method_have_the_one_error_body(stack: Stack) -> None:
    with client(stack.base_url) as anyone:
        problem(anyone.get("/nowhere"), 404, "not_found")
        problem(anyone.get("/chatroom/"), 404, "not_found")
        answer = anyone.delete("/health")
        problem(answer, 405, "method_not_allowed")
        assert answer.headers["allow"] == "GET, HEAD"


def test_unknown_fields_are_rejected(stack: Stack) -> None:
    body = {"mobile_number": "+14155550123", "is_pro": True, "id": "1"}
    with client(stack.base_url) as anyone:
        body = problem(anyone.post("/auth/signup", json=body), 400, "validation_failed")
    assert sorted(_pointers(body)) == ["/id", "/is_pro"]


def test_unknown_query_parameters_are_rejected(user: User) -> None:
    """Red when FastAPI is left to itself, which ignores them: a misspelt `limit` would be none."""
    room = user.open_room()
    for path in (
        "/chatroom",
        "/chatroom/search",
        f"/chatroom/{room}",
        f"/chatroom/{room}/message",
        "/user/me",
    ):
        body = problem(user.http.get(f"{path}?q=x&limt=1&cursr="), 400, "validation_failed")
        assert {"/query/limt", "/query/cursr"} <= set(_pointers(body))
    many = [f"n{number}=1" for number in range(101)]
    body = problem(user.http.get(f"/chatroom?{'&'.join(many[:100])}"), 400, "validation_failed")
    assert (len(body["errors"]), body["errors_omitted"]) == (20, 80)
    body = problem(user.http.get(f"/chatroom?{'&'.join(many)}"), 400, "validation_failed")
    assert [error["code"] for error in body["errors"]] == ["too_many_members"]
    for path in ("/health?_=1", "/health/live?_=1", "/checkout/success?utm=x"):
        assert user.http.get(path).status_code == 200


@pytest.mark.parametrize("title", ["", "   ", "\u0000", "a" * 201])
def test_an_invalid_title_is_rejected(user: User, title: str) -> None:
    body = problem(user.http.post("/chatroom", json={"title": title}), 400, "validation_failed")
    assert _pointers(body) == ["/title"]


@pytest.mark.parametrize("key", ["", "k" * 256])
def test_an_idempotency_key_out_of_range_is_rejected_once(user: User, key: str) -> None:
    answer = user.post(user.open_room(), "Hello", Idempotency_Key=key)
    assert _pointers(problem(answer, 400, "validation_failed")) == ["/header/idempotency-key"]


@pytest.mark.parametrize(("given", "echoed"), [("abc-123", True), ("a" * 129, False), ("two words", False)])
def test_a_safe_request_id_is_echoed_and_any_other_replaced(
    stack: Stack,
    given: str,
    echoed: bool,  # noqa: FBT001  # pytest's
) -> None:
    answer = httpx.get(f"{stack.base_url}/user/me", headers={"X-Request-Id": given}, trust_env=False)
    assert (answer.headers["x-request-id"] == given) is echoed
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
