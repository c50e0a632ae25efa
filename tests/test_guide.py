"""docs/api.md holds: its requests are answered as shown, its script works, its tables are the service's."""

import json
import os
import re
import shutil
import subprocess
import time
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app.errors import CATALOGUE
from app.gemini_client import Failure, FinishReason
from tests.faults.proxy import Proxy
from tests.support import guide
from tests.support.person import Json, client, ok, some_number
from tests.support.routes import Route, routes_at
from tests.support.stack import Stack
from tests.support.waiting import eventually

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


def test_every_request_of_the_guide_is_answered_as_shown_and_as_documented(
    stack: Stack, routes: list[Route]
) -> None:
    """Red when a member, a status or a header is added, renamed or lost."""
    variables = guide.Variables()
    variables.values |= {"base_url": stack.base_url, "mobile_number": some_number()}
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
    assert complaints == []
    assert asked >= 20


def _node() -> str:
    node = shutil.which("node")
    if node is None:
        reason = "there is nothing to run JavaScript with: apt-get install nodejs"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return node


_READER = """
import { follow } from "./follow.mjs";
const [base, token, reply] = process.argv.slice(2);
const plain = fetch, shown = [];
let connections = 0;
globalThis.fetch = (...request) => { connections += 1; return plain(...request); };
const end = await follow(base, token, JSON.parse(reply), (text) => shown.push(text));
console.log(JSON.stringify({ end, shown, connections }));
"""


def test_the_guides_client_shows_the_reply_over_cut_connections_and_a_restart(
    stack: Stack, tmp_path: Path
) -> None:
    """Red when the client forgets the last id, or goes on appending after a restart."""
    node = _node()
    (tmp_path / "follow.mjs").write_text(guide.script())
    (tmp_path / "reader.mjs").write_text(_READER)
    person = stack.person()
    words = "[sandbox:cut=20*1] [sandbox:pieces=60] [sandbox:pace=40] Tell me a story."
    reply = ok(person.post(person.open_room(title="Stories"), words, Prefer="respond-async"))["reply"]
    port = urlsplit(stack.base_url).port
    assert port is not None
    with Proxy(port) as proxy:
        command = [node, "reader.mjs", f"http://127.0.0.1:{proxy.port}", person.token, json.dumps(reply)]
        with subprocess.Popen(
            command, cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as reading:
            eventually(lambda: proxy.connections, what="a first connection")
            for _ in range(5):
                time.sleep(0.4)
                proxy.cut()
            output, complaints = reading.communicate(timeout=60)
    assert reading.returncode == 0, complaints
    seen: Json = json.loads(output)
    assert seen["end"] == {**person.wait_for(reply), "type": "end"}
    assert seen["end"]["status"] == "completed"
    assert seen["shown"][-1] == seen["end"]["content"]
    assert seen["connections"] >= 3
    # Both attempts write the same, so nothing may ever be shown that is not the beginning of it.
    assert all(seen["end"]["content"].startswith(text) for text in seen["shown"])
    assert any(text and not later for text, later in pairwise(seen["shown"]))
    assert len(seen["shown"]) > 10


def test_the_guide_lists_every_code_with_its_status() -> None:
    rows = guide.table("Errors", 3)
    listed = {code: int(status) for code, status, _ in rows}
    assert listed == {f"`{error.code}`": error.status.value for error in CATALOGUE}
    assert len(listed) == len(rows)
    assert all(when for _, _, when in rows)


def test_the_guide_lists_why_replies_fail() -> None:
    [line] = [line for line in guide.GUIDE.splitlines() if line.startswith("`error.code` of a reply")]
    failures = {failure.value for failure in Failure} | {"worker_lost", "internal_error"}
    blocks = {f"blocked_{reason.value}" for reason in FinishReason if reason.is_blocked}
    assert guide.words(line) - {"error.code", "failed", "blocked"} == failures | blocks


def _everywhere(route: Route) -> set[str]:
    """The codes that the guide says once for all endpoints of a kind."""
    codes = {"internal_error", "request_head_too_large"}
    if route.documented.get("security") == [{"HTTPBearer": []}]:
        codes.add("authentication_required")
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
