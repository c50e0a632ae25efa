"""Raw garbage in every body, field, id and query of every route: documented responses, nothing stored."""

import json

import httpx
import pytest

from tests.support.routes import Ids, Route, routes_at
from tests.support.stack import Stack
from tests.support.user import User

_PATIENCE_SECONDS = 10
_IS_JSON = {"Content-Type": "application/json"}
_PROBLEM = "application/problem+json"
_HUGE = 60 * 1024 * 1024
_GOOD = {"mobile_number": "+14155550123", "otp": "123456"}

_BODIES = {
    "nothing": b"",
    "10,000 deep": b"[" * 10_000 + b"]" * 10_000,
    "100,000 deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "unclosed": b'{"content": "' + b"[" * 100_000,
    "bare NUL": b"\x00",
    "lone surrogates": b'{"content": "\\ud800", "mobile_number": "\\udfff", "\\udc00": 1}',
    "UTF-16": '{"content": "x", "mobile_number": "x"}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"content": "x", "mobile_number": "x"}',
    "no UTF-8": b'{"content": "\xff\xfe\xc0\x80"}',
    "10,000 digits": b'{"content": ' + b"9" * 10_000 + b"}",
    "1e999": b'{"content": 1e999, "mobile_number": -1e999}',
    "no numbers": b'{"content": NaN, "mobile_number": Infinity, "title": -Infinity}',
    "named twice": b'{"content": "x", "content": 5, "mobile_number": 1, "mobile_number": 2}',
    "100,000 names": b"{" + b",".join(b'"%d": 1' % number for number in range(90_000)) + b"}",
}
_TEXTS = ("", "\0", "a\0b", "\ud800", "\udfff\ud800", "\u202e" * 50, "\U0001f4a9", "a" * 100_000, "\ufeff")
_IDS = ("%00", "%FF%FE", "..%2F..%2Fetc", "'; DROP TABLE users; --", "1" * 2000, "%F0%9F%92%A9", "-1", "null")
_QUERIES = ("", "%00", "AAAA", "%FF", "a" * 500, "%ED%A0%80", "=" * 100, "eyJhIjoxfQ", "-1", "1e9", "9" * 400)


@pytest.fixture(scope="module")
def address(stack: Stack) -> str:
    """An API process that waits for replies no longer than a fuzzer does."""
    return stack.start_api(REPLY_WAIT_SECONDS="1", OTP_RESEND_SECONDS="0")


@pytest.fixture(scope="module")
def routes(address: str) -> list[Route]:
    return routes_at(address)


def _assert_documented(answer: httpx.Response, route: Route, what: str) -> None:
    about = f"{route} with {what}: {answer.status_code} {answer.text[:300]}"
    assert answer.status_code < 500, about
    assert str(answer.status_code) in route.documented["responses"], about
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == _PROBLEM, about


@pytest.mark.parametrize("garbage", _BODIES)
def test_garbage_as_a_body_gets_a_documented_response(
    stack: Stack, address: str, routes: list[Route], user: User, garbage: str
) -> None:
    room = user.open_room()
    for route in routes:
        http = (stack.user() if route.is_farewell else user).at(address).http
        answer = http.request(
            route.method,
            route.address(room),
            content=_BODIES[garbage],
            headers=_IS_JSON,
            timeout=_PATIENCE_SECONDS,
        )
        _assert_documented(answer, route, garbage)
    assert stack.database.value("SELECT count(*) FROM messages WHERE user_id = %s", user.id) == 0


@pytest.mark.parametrize("garbage", _TEXTS, ids=lambda text: ascii(text[:8]))
def test_garbage_in_a_field_gets_a_documented_response(
    stack: Stack, address: str, routes: list[Route], user: User, garbage: str
) -> None:
    """Red if a text may hold NUL: the database rejects it, and the response is a 500."""
    room = user.open_room()
    for route in routes:
        http = (stack.user() if route.is_farewell else user).at(address).http
        schema = route.body()
        for field in schema.get("properties", ()):
            body = {name: _GOOD.get(name, "x") for name in schema.get("required", ())} | {field: garbage}
            answer = http.request(
                route.method, route.address(room), content=json.dumps(body), headers=_IS_JSON
            )
            _assert_documented(answer, route, f"{field} {garbage[:9]!a}")


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "chunked"])
def test_sixty_megabytes_are_rejected_by_every_route_that_writes(
    address: str,
    routes: list[Route],
    user: User,
    declared: bool,  # noqa: FBT001  # pytest's
) -> None:
    """Red when only a declared length counts."""
    room = user.open_room()
    http = user.at(address).http
    for route in routes:
        if route.method == "get":
            continue
        pieces = (b" " * 1024 * 1024 for _ in range(_HUGE // (1024 * 1024)))
        headers = _IS_JSON | ({"Content-Length": str(_HUGE)} if declared else {})
        answer = http.request(route.method, route.address(room), content=pieces, headers=headers)
        _assert_documented(answer, route, "60 MB")
        assert answer.status_code == 413


@pytest.mark.parametrize("garbage", _IDS)
def test_garbage_for_an_id_is_not_found(address: str, routes: list[Route], user: User, garbage: str) -> None:
    http = user.at(address).http
    for route in routes:
        if "{" in route.path:
            before, _, rest = route.path.partition("{")
            behind = rest.partition("}")[2].format_map(Ids(""))
            answer = http.request(route.method, before + garbage + behind)
            assert answer.status_code == 404, (str(route), answer.text)
            assert answer.headers["content-type"] == _PROBLEM


@pytest.mark.parametrize("garbage", _QUERIES)
def test_garbage_in_a_query_gets_a_documented_response(
    address: str, routes: list[Route], user: User, garbage: str
) -> None:
    room = user.open_room()
    http = user.at(address).http
    for route in routes:
        for name in route.parameters("query"):
            query = f"{name}={garbage}&{name}={garbage}"
            answer = http.request(route.method, f"{route.address(room)}?{query}")
            _assert_documented(answer, route, query)
