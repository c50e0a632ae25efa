"""docs/api.md is correct: its requests get the shown responses, and its tables match the code."""

import re
from urllib.parse import urlsplit

import pytest

from app.errors import CATALOGUE
from app.gemini_client import FinishReason, ModelFailure
from app.openapi.event_table import event_table
from tests.support import guide
from tests.support.routes import Route, routes_at
from tests.support.stack import Stack
from tests.support.user import client, ok

_PROBLEM = "application/problem+json"
_EVERY_ANSWERS_HEADERS = {
    "cache-control",
    "content-length",
    "content-security-policy",
    "content-type",
    "date",
    "referrer-policy",
    "server",
    "transfer-encoding",
    "x-accel-buffering",
    "x-content-type-options",
    "x-frame-options",
}


@pytest.fixture(scope="module")
def routes(stack: Stack) -> list[Route]:
    return routes_at(stack.base_url)


def _route_of(routes: list[Route], method: str, path: str) -> Route:
    [found] = [
        route
        for route in routes
        if route.method == method.lower()
        and re.fullmatch(re.sub(r"\{\w+\}", "[0-9a-f-]{36}", route.path), path)
    ]
    return found


def test_every_request_of_the_guide_gets_the_documented_response(stack: Stack, routes: list[Route]) -> None:
    """Red when a member, a status or a header is added, renamed or lost."""
    for _ in range(2):  # on one day: it signs up another number each time
        complaints, asked = _send_all(stack, routes)
        assert complaints == []
        assert asked >= 20


def _send_all(stack: Stack, routes: list[Route]) -> tuple[list[str], int]:
    """Send the guide's requests in order; the differences from what it shows, and how many were sent."""
    variables = guide.Variables()
    variables.values["base_url"] = stack.base_url
    complaints, asked = [], 0
    with client(stack.base_url) as reader:
        for step in guide.steps():
            answer = reader.request(
                step.method,
                variables.fill_in(step.address),
                headers={name: variables.fill_in(value) for name, value in step.headers.items()},
                content=variables.fill_in(step.body) or None,
            )
            if step.name:
                variables.values[step.name] = ok(answer)
                variables.values[f"{step.name}Response"] = {"headers": dict(answer.headers)}
            title = f"{step.method} {step.address}"
            shown, real = guide.promised(step, variables), guide.answered(step, answer)
            complaints += [f"{title}: {each}" for each in guide.differences(shown, real)]
            route = _route_of(routes, step.method, urlsplit(str(answer.url)).path)
            documented = route.documented["responses"].get(str(answer.status_code), {})
            headers = {name.lower() for name in documented.get("headers", ())}
            undocumented = answer.headers.keys() - headers - _EVERY_ANSWERS_HEADERS
            complaints += [f"{title}: {name} is not in the OpenAPI document" for name in undocumented]
            asked += 1
    return complaints, asked


def test_the_guide_holds_the_table_of_events_that_the_code_makes() -> None:
    """Red when an event or a field of its payload changes (`python -m app.openapi.event_table`)."""
    assert event_table() in guide.GUIDE


def test_the_magic_words_of_the_guide_work_as_described(stack: Stack) -> None:
    user = stack.user()
    stack.make_pro(user)
    rows = guide.table("Failures to try", 3)
    words = [word for [word] in (guide.words(cell) for cell, _, _ in rows)]
    replies = [
        ok(user.post(user.open_room(), f"{word} Tell me of the sea.", Prefer="respond-async"))["reply"]
        for word in words
    ]
    for word, reply, (_, result, _) in zip(words, replies, rows, strict=True):
        ended = user.wait_for(reply)
        status = re.findall(r"`(\w+)`", result)[0]
        reason = ended["error"]["code"] if ended["error"] else ended["finish_reason"]
        shown = guide.words(result) - {status, "finish_reason"} or {"stop"}
        assert (word, ended["status"], {reason}) == (word, status, shown)
    assert len(rows) > 10


def test_the_guide_lists_every_code_with_its_status() -> None:
    rows = guide.table("Errors", 3)
    listed = {code: int(status) for code, status, _ in rows}
    assert listed == {f"`{error.code}`": error.status.value for error in CATALOGUE}
    assert len(listed) == len(rows)
    assert all(when for _, _, when in rows)


def test_the_guide_lists_why_replies_fail() -> None:
    [line] = [line for line in guide.GUIDE.splitlines() if line.startswith("`error.code` of a reply")]
    failures = {failure.value for failure in ModelFailure} | {"worker_lost", "internal_error"}
    blocks = {f"blocked_{reason.value}" for reason in FinishReason if reason.is_blocked}
    assert guide.words(line) - {"error.code", "failed", "blocked"} == failures | blocks


def test_the_guide_lists_how_replies_end() -> None:
    [line] = [line for line in guide.GUIDE.splitlines() if line.startswith("`finish_reason` of a completed")]
    ends = {reason.value for reason in FinishReason if not reason.is_blocked}
    assert guide.words(line) - {"finish_reason"} == ends


def _everywhere(route: Route) -> set[str]:
    """The codes that the guide says once for all endpoints of a kind."""
    codes = {"internal_error", "request_head_too_large"}
    if route.documented.get("security") == [{"HTTPBearer": []}]:
        codes |= {"authentication_required", "account_suspended"}
    if route.path not in ("/", "/health", "/health/live"):
        codes.add("service_unavailable")
    if route.path not in ("/health", "/health/live", "/metrics", "/webhook/stripe"):
        codes.add("rate_limit_exceeded")
    if route.path not in ("/health", "/health/live", "/metrics", "/checkout/success", "/checkout/cancelled"):
        codes.add("validation_failed")
    if route.method != "get":
        codes |= {"body_too_large", "unsupported_media_type", "request_timeout"}
    return codes


def _documented_row(route: Route) -> tuple[bool, set[str], set[str]]:
    """An endpoint as the OpenAPI document has it: needs a token; answers; codes."""
    answers, codes = set(), set()
    for status, response in route.documented["responses"].items():
        content = response.get("content", {})
        if _PROBLEM in content:
            codes |= content[_PROBLEM]["examples"].keys()
        else:
            answers.add(f"{status} (events)" if "text/event-stream" in content else status)
    return route.documented.get("security") == [{"HTTPBearer": []}], answers, codes


def test_the_guide_lists_every_endpoint_with_its_answers_and_errors(routes: list[Route]) -> None:
    """Both ways: what is listed is documented, and what is documented is listed."""
    rows = guide.table("Endpoints", 4)
    everywhere = {str(route): _everywhere(route) for route in routes}
    listed = {
        name.strip("`"): (
            token == "✓",
            set(answers.split(", ")),
            guide.words(own) | everywhere.get(name.strip("`"), set()),
        )
        for name, token, answers, own in rows
    }
    documented = {str(route): _documented_row(route) for route in routes}
    assert listed.keys() == documented.keys()
    assert {name: row for name, row in listed.items() if row != documented[name]} == {}
    assert len(rows) == len(listed)
