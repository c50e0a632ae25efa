"""Keys of the admin API: scopes, revocation, and what no key may do; routes are read from the document."""

import itertools
import uuid
from collections.abc import Iterator

import pytest

from tests.support.operator import ALL_SCOPES, Operator
from tests.support.routes import OPERATORS, Route, routes_at
from tests.support.stack import Stack
from tests.support.user import User, client, ok, problem
from tests.support.waiting import eventually

pytestmark = pytest.mark.server_version


@pytest.fixture(scope="module")
def routes(stack: Stack) -> list[Route]:
    return routes_at(stack.base_url, OPERATORS)


def _scope(route: Route) -> str:
    [scheme] = route.documented["security"]
    [scope] = scheme["AdminKey"]
    return str(scope)


def _others(scope: str) -> Iterator[tuple[str, ...]]:
    """Return every set of scopes without this one."""
    rest = [each for each in ALL_SCOPES if each != scope]
    return itertools.chain.from_iterable(itertools.combinations(rest, size) for size in (1, 2))


def test_every_admin_route_is_in_its_own_document_and_requires_one_scope(
    stack: Stack, routes: list[Route]
) -> None:
    with client(stack.base_url) as anyone:
        paths = ok(anyone.get("/openapi.json"))["paths"]
    assert not [path for path in paths if path.startswith("/admin")]
    assert {_scope(route) for route in routes} == set(ALL_SCOPES)
    assert all(route.path.startswith("/admin/") for route in routes)
    writes = {str(route): _scope(route) for route in routes if route.method != "get"}
    assert "read" not in writes.values(), writes


@pytest.mark.parametrize("caller", ["nobody", "user", "revoked", "unknown", "basic scheme"])
def test_every_admin_route_refuses_whoever_has_no_open_key(
    stack: Stack, routes: list[Route], user: User, caller: str
) -> None:
    """Red when a route lacks the dependency, or a revoked key is found."""
    revoked = Operator(stack)
    ok(revoked.http.get("/admin/audit"))
    revoked.revoke()
    authorization = {
        "nobody": None,
        "user": f"Bearer {user.token}",
        "revoked": f"Bearer {revoked.key}",
        "unknown": f"Bearer adm_{'x' * 43}",
        "basic scheme": f"Basic {Operator(stack).key}",
    }[caller]
    with client(stack.base_url, {"Authorization": authorization} if authorization else {}) as http:
        for route in routes:
            answer = http.request(route.method, route.address(""), json={})
            problem(answer, 401, "admin_key_required")
            assert answer.headers["www-authenticate"] == "Bearer"


def test_every_admin_route_refuses_a_key_without_its_scope_and_accepts_one_with_it(
    stack: Stack, routes: list[Route]
) -> None:
    """Red when a route checks another scope than its document names, or a scope includes another."""
    keys = {
        scopes: Operator(stack, *scopes)
        for scopes in {*itertools.chain.from_iterable(_others(each) for each in ALL_SCOPES)}
    }
    for route in routes:
        scope = _scope(route)
        for scopes, operator in keys.items():
            answer = operator.http.request(route.method, route.address(""), json={})
            if scope in scopes:
                assert answer.status_code not in (401, 403), (str(route), scopes, answer.text)
            else:
                assert problem(answer, 403, "scope_required")["scope"] == scope


def test_a_key_is_no_access_token_of_a_user(stack: Stack) -> None:
    operator = Operator(stack)
    for route in routes_at(stack.base_url):
        if {"HTTPBearer": []} in route.documented["security"]:
            answer = operator.http.request(route.method, route.address(str(uuid.uuid4())), json={})
            problem(answer, 401, "authentication_required")


def test_a_key_is_stored_as_a_digest_and_its_use_once_a_minute(stack: Stack) -> None:
    """Red when each request writes the time."""
    operator = Operator(stack)

    def used_at() -> object:
        return stack.database.value("SELECT last_used_at FROM admin_keys WHERE name = %s", operator.name)

    assert used_at() is None
    ok(operator.http.get("/admin/audit"))
    first = used_at()
    assert first is not None
    ok(operator.http.get("/admin/audit"))
    assert used_at() == first
    stack.database.run(
        "UPDATE admin_keys SET last_used_at = now() - interval '61 seconds' WHERE name = %s", operator.name
    )
    ok(operator.http.get("/admin/audit"))
    assert used_at() > first  # type: ignore[operator]  # both are times
    stored = stack.database.rows("SELECT * FROM admin_keys WHERE name = %s", operator.name)
    assert operator.key not in str(stored)


def test_a_revoked_key_is_refused_at_once_on_every_process(stack: Stack) -> None:
    operator = Operator(stack)
    with client(stack.start_api(), dict(operator.http.headers)) as elsewhere:
        ok(elsewhere.get("/admin/audit"))
        operator.revoke()
        problem(elsewhere.get("/admin/audit"), 401, "admin_key_required")


def test_the_log_lines_of_admin_requests_name_the_key_and_hold_no_secret(stack: Stack) -> None:
    """Red when the name is not bound to the log."""
    operator = Operator(stack)
    answer = operator.http.get("/admin/audit")
    request_id = answer.headers["x-request-id"]

    def line() -> str | None:
        lines = (line for line in stack.logs().splitlines() if request_id in line and '"request"' in line)
        return next(lines, None)

    assert f'"key:{operator.name}"' in eventually(line, what="the request's line")
    assert operator.key not in stack.logs()


def test_admin_requests_count_on_the_limit_of_their_address(stack: Stack) -> None:
    operator = Operator(stack, base_url=stack.start_api(IP_REQUESTS_PER_MINUTE="3"))
    operator.http.headers["X-Forwarded-For"] = "203.0.113.77"
    answers = [operator.http.get("/admin/audit") for _ in range(4)]
    assert answers[0].headers["ratelimit-policy"].startswith('"ip"')
    problem(answers[-1], 429, "rate_limit_exceeded")
