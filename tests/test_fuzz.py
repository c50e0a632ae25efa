"""Whatever is sent to whatever is documented, the answer is documented too: schemathesis over every route."""

import os
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, from_schema
from schemathesis.engine.events import EngineFinished, NonFatalError, ScenarioFinished
from schemathesis.engine.recorder import ScenarioRecorder

from tests.support.person import Json, Person, client, ok
from tests.support.stack import Stack

_EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "15"))
_PATIENCE_SECONDS = 10
_JSON = "application/json"
_PROBLEM = "application/problem+json"
_HUGE = 60 * 1024 * 1024

_BODIES = {
    "nothing": b"",
    "10,000 deep": b"[" * 10_000 + b"]" * 10_000,
    "100,000 deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "unclosed": b'{"content": "' + b"[" * 100_000,
    "NUL": b'{"content": "\\u0000", "mobile_number": "\\u0000", "title": "\\u0000", "otp": "\\u0000"}',
    "bare NUL": b"\x00",
    "lone surrogates": b'{"content": "\\ud800", "mobile_number": "\\udfff", "\\udc00": 1}',
    "UTF-16": '{"content": "x", "mobile_number": "x"}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"content": "x", "mobile_number": "x"}',
    "no UTF-8": b'{"content": "\xff\xfe\xc0\x80"}',
    "10,000 digits": b'{"content": ' + b"9" * 10_000 + b"}",
    "1e999": b'{"content": 1e999, "mobile_number": -1e999}',
    "no numbers": b'{"content": NaN, "mobile_number": Infinity, "title": -Infinity}',
    "named twice": b'{"content": "x", "content": 5, "mobile_number": 1, "mobile_number": 2}',
    "100,000 names": b"{" + b",".join(b'"%d": 1' % number for number in range(100_000))[:900_000] + b"}",
}
# Whoever sends one of these for good is signed out, and would fuzz nothing but the door from then on.
_FAREWELLS = ["log_out", "end_session", "delete_me"]
_IDS = ("%00", "%FF%FE", "..%2F..%2Fetc", "'; DROP TABLE users; --", "1" * 2000, "%F0%9F%92%A9", "-1", "null")
_CURSORS = ("", "%00", "AAAA", "%FF", "a" * 500, "%ED%A0%80", "=" * 100, "eyJhIjoxfQ")


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
    stack: Stack, address: str, routes: list[tuple[str, str, Json]], caller: str
) -> None:
    """A new route is covered on the day it is in the document. Red when text may hold NUL: that is a 500."""
    person = None if caller == "nobody" else stack.person()
    if person and caller == "pro":
        stack.make_pro(person)
    leave_out = {
        "nobody": None,
        "leaving": {"exclude-operation-id": _FAREWELLS},
    }.get(caller, {"include-operation-id": _FAREWELLS})
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
    farewells = {_label(route) for route in routes if route[2]["operationId"] in _FAREWELLS}
    everything = {_label(route) for route in routes}
    expected = {"nobody": everything, "leaving": farewells}.get(caller, everything - farewells)
    assert asked - {"Stateful tests"} == expected
    if person and caller != "leaving":
        ok(person.http.get("/user/me"))


def _label(route: tuple[str, str, Json]) -> str:
    return f"{route[0].upper()} {route[1]}"


def _assert_documented(answer: httpx.Response, operation: Json, what: str) -> None:
    about = f"{what}: {answer.status_code} {answer.text[:300]}"
    assert answer.status_code < 500, about
    assert str(answer.status_code) in operation["responses"], about
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == _PROBLEM, about


@pytest.fixture
def routes(address: str) -> list[tuple[str, str, Json]]:
    """Every operation: method, path, description."""
    with client(address) as anyone:
        document = ok(anyone.get("/openapi.json"))
    return [
        (method, path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]


@pytest.mark.parametrize("garbage", _BODIES)
def test_garbage_for_a_body_is_answered_as_documented(
    stack: Stack, address: str, routes: list[tuple[str, str, Json]], person: Person, garbage: str
) -> None:
    room = person.open_room()
    for method, path, operation in routes:
        sender = stack.person() if operation["operationId"] in _FAREWELLS else person
        target = path.format_map(_Ids(room))
        answer = sender.at(address).http.request(
            method,
            target,
            content=_BODIES[garbage],
            headers={"Content-Type": _JSON},
            timeout=_PATIENCE_SECONDS,
        )
        _assert_documented(answer, operation, f"{method} {path} with {garbage}")
    assert stack.database.value("SELECT count(*) FROM messages WHERE user_id = %s", person.id) == 0


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "chunked"])
def test_sixty_megabytes_are_refused_on_every_route_that_writes(
    address: str,
    routes: list[tuple[str, str, Json]],
    person: Person,
    declared: bool,  # noqa: FBT001  # pytest's
) -> None:
    room = person.open_room()
    http = person.at(address).http
    for method, path, operation in routes:
        if method == "get":
            continue
        pieces = (b" " * 1024 * 1024 for _ in range(_HUGE // (1024 * 1024)))
        headers = {"Content-Type": _JSON} | ({"Content-Length": str(_HUGE)} if declared else {})
        answer = http.request(method, path.format_map(_Ids(room)), content=pieces, headers=headers)
        _assert_documented(answer, operation, f"{method} {path}")
        assert answer.status_code == 413


class _Ids(dict[str, str]):
    """Path parameters: the room, and for all else an id that nobody has."""

    def __init__(self, room: str) -> None:
        super().__init__(chatroom_id=room)

    def __missing__(self, name: str) -> str:
        return "018f0000-0000-7000-8000-000000000000"


@pytest.mark.parametrize("garbage", _IDS)
def test_garbage_for_an_id_is_not_found(
    address: str, routes: list[tuple[str, str, Json]], person: Person, garbage: str
) -> None:
    http = person.at(address).http
    for method, path, _ in routes:
        if "{" in path:
            prefix, _, rest = path.partition("{")
            answer = http.request(method, prefix + garbage + rest.partition("}")[2].format_map(_Ids("")))
            assert answer.status_code == 404, (method, path, answer.text)
            assert answer.headers["content-type"] == _PROBLEM


@pytest.mark.parametrize("garbage", _CURSORS)
def test_garbage_for_a_cursor_or_a_limit_is_answered_as_documented(
    address: str, routes: list[tuple[str, str, Json]], person: Person, garbage: str
) -> None:
    room = person.open_room()
    http = person.at(address).http
    for method, path, operation in routes:
        names = [
            parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] == "query"
        ]
        for name in names:
            answer = http.request(method, f"{path.format_map(_Ids(room))}?{name}={garbage}&{name}={garbage}")
            _assert_documented(answer, operation, f"{method} {path}?{name}={garbage}")
