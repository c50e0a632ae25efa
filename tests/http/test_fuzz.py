"""Schemathesis over every route: every response is documented."""

import json
import os
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, from_schema
from schemathesis.engine.events import EngineFinished, NonFatalError, ScenarioFinished
from schemathesis.engine.recorder import ScenarioRecorder

from tests.support.event_stream import dispatched
from tests.support.operator import Operator
from tests.support.routes import FAREWELLS, OPERATORS, USERS, routes_at
from tests.support.sessions import give_password
from tests.support.stack import Stack
from tests.support.user import Json, client, ok

_EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "15"))
_PATIENCE_SECONDS = 10
_PROBLEM = "application/problem+json"
_STREAMS = ["stream_message", "stream_regeneration", "follow_reply"]


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
        "operations": [
            # It takes the schema of a stream for that of `{id, event, data}`; ours is that of the data, as
            # generators of clients read it. `_misformed` holds the data against it.
            {
                "include-operation-id": _STREAMS,
                "checks": {"response_schema_conformance": {"enabled": False}},
            },
            *([leave_out | {"enabled": False}] if leave_out else []),
        ],
        "headers": {"Authorization": f"Bearer {token}"} if token else {},
    }


def _misformed(stream: bytes, validator: jsonschema_rs.Draft202012Validator) -> Iterator[str]:
    """Return the problems of the events of a stream."""
    for event in dispatched(stream, by_libraries=True):
        data = json.loads(event.data)
        if data["type"] != event.name:
            yield f"{event.name} says that it is {data['type']}"
        yield from (error.message for error in validator.iter_errors(data))


def _complaints(recorder: ScenarioRecorder, validator: jsonschema_rs.Draft202012Validator) -> Iterator[str]:
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
        elif answer.headers.get("content-type", [""])[0].startswith("text/event-stream"):
            yield from (
                f"{recorder.label}: {fault}" for fault in _misformed(answer.content or b"", validator)
            )


def _fuzz(
    document: str, configuration: dict[str, Any], validator: jsonschema_rs.Draft202012Validator
) -> set[str]:
    """Try all operations of a document, and return them; fail at what it does not document."""
    config = SchemathesisConfig.from_dict(configuration)
    complaints: list[str] = []
    asked: set[str] = set()
    for event in from_schema(schemathesis.openapi.from_url(document, config=config)).execute():
        if isinstance(event, ScenarioFinished):
            asked.add(event.recorder.label)
            complaints += _complaints(event.recorder, validator)
        elif isinstance(event, NonFatalError):
            complaints.append(f"{event.label}: {event.value!r}")
        elif isinstance(event, EngineFinished):
            assert event.stop_reason.name == "COMPLETED"
    assert complaints == [], "\n\n".join(complaints)
    return asked


@pytest.fixture(scope="module")
def address(stack: Stack) -> str:
    """An API process that waits for replies no longer than a fuzzer does."""
    return stack.start_api(REPLY_WAIT_SECONDS="1", OTP_RESEND_SECONDS="0")


@pytest.mark.parametrize("caller", ["nobody", "basic", "pro", "leaving"])
def test_every_route_responds_as_documented_to_any_input(stack: Stack, address: str, caller: str) -> None:
    """Covers new routes automatically. Red if an error is not documented."""
    user = None if caller == "nobody" else stack.user()
    if user:
        give_password(user)  # a first one would end the session's tokens, and all that follows be 401
    if user and caller == "pro":
        stack.make_pro(user)
    leave_out = {
        "nobody": None,
        "leaving": {"exclude-operation-id": list(FAREWELLS)},
    }.get(caller, {"include-operation-id": list(FAREWELLS)})
    token = user.token if user else None
    with client(address) as anyone:
        components = ok(anyone.get(USERS))["components"]
    events = {"$ref": "#/components/schemas/ReplyEvent", "components": components}
    validator = jsonschema_rs.Draft202012Validator(events, validate_formats=True)
    asked = _fuzz(address + USERS, _configuration(token, leave_out=leave_out), validator)
    routes = routes_at(address)
    farewells = {str(route) for route in routes if route.is_farewell}
    everything = {str(route) for route in routes}
    expected = {"nobody": everything, "leaving": farewells}.get(caller, everything - farewells)
    assert asked - {"Stateful tests"} == expected
    if user and caller != "leaving":
        ok(user.http.get("/user/me"))


@pytest.mark.parametrize("caller", ["nobody", "operator"])
def test_every_admin_route_responds_as_documented_to_any_input(
    stack: Stack, address: str, caller: str
) -> None:
    """Covers new routes automatically. Red if an error is not documented."""
    key = Operator(stack).key if caller == "operator" else None
    no_events = jsonschema_rs.Draft202012Validator(False)
    asked = _fuzz(address + OPERATORS, _configuration(key, leave_out=None), no_events)
    assert asked - {"Stateful tests"} == {str(route) for route in routes_at(address, OPERATORS)}
