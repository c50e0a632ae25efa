"""Garbage in every id, query and body of the admin API gets a documented response and records nothing."""

import httpx
import pytest

from tests.support.operator import Operator
from tests.support.routes import OPERATORS, Route, routes_at
from tests.support.stack import Stack

_PROBLEM = "application/problem+json"
_IDS = ("%00", "%FF%FE", "..%2F..%2Fetc", "'; DROP TABLE users; --", "1" * 2000, "%F0%9F%92%A9", "-1", "null")
_QUERIES = ("", "%00", "AAAA", "%FF", "a" * 500, "%ED%A0%80", "=" * 100, "eyJhIjoxfQ", "-1", "1e9", "9" * 400)
_BODIES = (
    b"",
    b"[]",
    b"\x00",
    b'{"reason": "\\u0000"}',
    b'{"reason": "\\ud800", "until": "\\ud800", "messages_per_day": 1e999}',
    b'{"reason": {"a": 1}, "until": [], "messages_per_day": "x"}',
    b"[" * 10_000 + b"]" * 10_000,
    b'{"reason": "x", "until": "9999-12-31T23:59:59.999999-14:00", "messages_per_day": 99999999999999999999}',
)
_ANY = "018f0000-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
def routes(stack: Stack) -> list[Route]:
    return routes_at(stack.base_url, OPERATORS)


@pytest.fixture(scope="module")
def operator(stack: Stack) -> Operator:
    return Operator(stack)


def _assert_documented(answer: httpx.Response, route: Route, what: object) -> None:
    about = f"{route} with {what!r}: {answer.status_code} {answer.text[:300]}"
    assert answer.status_code < 500, about
    assert str(answer.status_code) in route.documented["responses"], about
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == _PROBLEM, about


@pytest.mark.parametrize("garbage", _IDS)
def test_garbage_for_an_id_is_not_found(operator: Operator, routes: list[Route], garbage: str) -> None:
    for route in routes:
        if "{" in route.path:
            before, _, rest = route.path.partition("{")
            address = before + garbage + rest.partition("}")[2]
            answer = operator.http.request(route.method, address, json={"reason": "x"})
            assert answer.status_code == 404, (str(route), answer.text)
            assert answer.headers["content-type"] == _PROBLEM


@pytest.mark.parametrize("garbage", _QUERIES)
def test_garbage_in_a_query_gets_a_documented_response(
    operator: Operator, routes: list[Route], garbage: str
) -> None:
    for route in routes:
        for name in route.parameters("query"):
            query = f"{name}={garbage}&{name}={garbage}"
            answer = operator.http.request(route.method, f"{route.address(_ANY)}?{query}")
            _assert_documented(answer, route, query)


@pytest.mark.parametrize("garbage", _BODIES)
def test_garbage_as_a_body_gets_a_documented_response(
    operator: Operator, routes: list[Route], garbage: bytes
) -> None:
    for route in routes:
        answer = operator.http.request(
            route.method,
            route.address(_ANY),
            content=garbage,
            headers={"Content-Type": "application/json"},
        )
        _assert_documented(answer, route, garbage[:60])
