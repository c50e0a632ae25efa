"""Whatever is sent to whatever is documented, the answer is documented too: schemathesis over every route."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, from_schema
from schemathesis.engine.events import EngineFinished, NonFatalError, ScenarioFinished
from schemathesis.engine.recorder import ScenarioRecorder

from tests.support.person import Json, ok
from tests.support.routes import FAREWELLS, routes_at
from tests.support.sessions import give_password
from tests.support.stack import Stack

_EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "15"))
_PATIENCE_SECONDS = 10
_PROBLEM = "application/problem+json"


def _configuration(token: str | None, *, leave_out: Json | None) -> dict[str, Any]:
    """All checks, the same requests in every run, and never an endless wait."""
    return {
        "seed": 20261123,
        "continue-on-failure": True,
        "request-timeout": _PATIENCE_SECONDS,
        "max-stream-events": 20,
        "generation": {"deterministic": True, "max-examples": _EXAMPLES, "database": "none"},
        # No schema can say what is a mobile number, the right code, a cursor of ours or a text without NUL.
        "checks": {
            "positive_data_acceptance": {
                "expected-statuses": ["2xx", "400", "401", "403", "404", "409", "429"]
            }
        },
        "operations": [leave_out | {"enabled": False}] if leave_out else [],
        "headers": {"Authorization": f"Bearer {token}"} if token else {},
    }


def _complaints(recorder: ScenarioRecorder) -> Iterator[str]:
    for checks in recorder.checks.values():
        for check in checks:
            if check.status is Status.FAILURE and check.failure_info:
                yield f"{recorder.label}: {check.name}: {check.failure_info.failure}"
    for interaction in recorder.interactions.values():
        answer = interaction.response
        if answer is None:
            yield f"{recorder.label}: no answer"
        elif answer.status_code >= 400 and answer.headers["content-type"] != [_PROBLEM]:
            yield f"{recorder.label}: {answer.status_code} as {answer.headers['content-type']}"


@pytest.fixture(scope="module")
def address(stack: Stack) -> str:
    """An API process that waits for replies no longer than a fuzzer does."""
    return stack.start_api(REPLY_WAIT_SECONDS="1", OTP_RESEND_SECONDS="0")


@pytest.mark.parametrize("caller", ["nobody", "basic", "pro", "leaving"])
def test_every_route_answers_as_documented_whatever_it_is_sent(
    stack: Stack, address: str, caller: str
) -> None:
    """A new route is covered on the day it is in the document. Red when a refusal is left out of it."""
    person = None if caller == "nobody" else stack.person()
    if person:
        give_password(person)  # a first one would end the session's tokens, and all that follows be 401
    if person and caller == "pro":
        stack.make_pro(person)
    leave_out = {
        "nobody": None,
        "leaving": {"exclude-operation-id": list(FAREWELLS)},
    }.get(caller, {"include-operation-id": list(FAREWELLS)})
    token = person.token if person else None
    config = SchemathesisConfig.from_dict(_configuration(token, leave_out=leave_out))
    documented = schemathesis.openapi.from_url(f"{address}/openapi.json", config=config)
    complaints: list[str] = []
    asked: set[str] = set()
    for event in from_schema(documented).execute():
        if isinstance(event, ScenarioFinished):
            asked.add(event.recorder.label)
            complaints += _complaints(event.recorder)
        elif isinstance(event, NonFatalError):
            complaints.append(f"{event.label}: {event.value!r}")
        elif isinstance(event, EngineFinished):
            assert event.stop_reason.name == "COMPLETED"
    assert complaints == [], "\n\n".join(complaints)
    routes = routes_at(address)
    farewells = {str(route) for route in routes if route.is_farewell}
    everything = {str(route) for route in routes}
    expected = {"nobody": everything, "leaving": farewells}.get(caller, everything - farewells)
    assert asked - {"Stateful tests"} == expected
    if person and caller != "leaving":
        ok(person.http.get("/user/me"))
