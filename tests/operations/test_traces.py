"""Traces: one from a request to the recorded reply, whichever process ends it; and nothing private in it."""

import re
import secrets
from collections.abc import Iterator

import httpx
import pytest

from tests.conftest import Servers
from tests.support.collector import Collector, Span
from tests.support.listener import read_events
from tests.support.stack import Stack
from tests.support.user import User, ok
from tests.support.waiting import eventually

_ROUTE = "/chatroom/{chatroom_id}/message"
_OF_A_REPLY = ("process reply", "generate_content", "record reply")
_QUICK = {"OTEL_BSP_SCHEDULE_DELAY": "100"}  # milliseconds
_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]")


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    """The collector of `traced`."""
    with Collector() as running:
        yield running


@pytest.fixture(scope="module")
def traced(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory, collector: Collector
) -> Iterator[Stack]:
    """A stack with a worker, which sends traces."""
    product = Stack(
        database_url=servers.database_url,
        redis_url=servers.redis_url,
        folder=tmp_path_factory.mktemp("traced"),
        CELERY_BROKER_URL=servers.redis_url.rpartition("/")[0] + "/11",
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        OTEL_EXPORTER_OTLP_HEADERS="x-collector-key=key-of-the-collector",
        FASTAPI_OTEL_AUTO_CONFIGURE="true",
        BASIC_MESSAGES_PER_DAY="1000",
        **_QUICK,
    )
    with product.running() as stack:
        stack.start_worker()
        yield stack


@pytest.fixture
def user(traced: Stack) -> User:
    """A new user of the traced stack."""
    return traced.user()


def _given() -> tuple[str, str, str]:
    """Return a new trace of a client: its id, the client's span, and both as a header."""
    trace_id, span_id = secrets.token_hex(16), secrets.token_hex(8)
    return trace_id, span_id, f"00-{trace_id}-{span_id}-01"


def _attempts(collector: Collector, trace_id: str, *, count: int) -> list[Span]:
    """Wait for this many attempts at a reply in a trace, and return them in order."""

    def found() -> list[Span] | None:
        spans = {span.span_id: span for span in collector.spans if span.trace_id == trace_id}
        attempts = [span for span in spans.values() if span.name == "process reply"]
        return attempts if len(attempts) == count else None

    return sorted(eventually(found, what=f"{count} attempts"), key=lambda span: span.start)


def test_one_trace_leads_from_the_request_to_the_recorded_reply(
    traced: Stack, collector: Collector, user: User
) -> None:
    """Red when the row holds no traceparent, no worker reads it, or FastAPI also exports by itself."""
    trace_id, client_span, header = _given()
    exchange = ok(user.post(user.open_room(), "Good morning", traceparent=header, Prefer="wait=60"))
    server = f"POST {_ROUTE}"
    spans = collector.trace_of(trace_id, (server, *_OF_A_REPLY, "title room"))
    parents = {name: span.parent_id for name, span in spans.items()}
    attempt = spans["process reply"].span_id
    assert parents == {
        server: client_span,
        "process reply": spans[server].span_id,
        "generate_content": spans["title room"].span_id,  # the newest call
        "record reply": attempt,
        "title room": attempt,
    }
    assert {(span.service, span.kind) for span in spans.values()} == {
        ("chat-api", "server"),
        ("chat-worker", "consumer"),
        ("chat-worker", "client"),
        ("chat-worker", "internal"),
    }
    assert spans[server].attributes == {
        "http.request.method": "POST",
        "http.route": _ROUTE,
        "http.response.status_code": 201,
        "network.protocol.version": "1.1",
        "url.scheme": "http",
    }
    reply = exchange["reply"]
    assert spans["process reply"].attributes == {
        "chat.reply.attempt": 1,
        "chat.reply.outcome": "completed",
        "gen_ai.request.model": reply["model"],
        "gen_ai.usage.input_tokens": reply["usage"]["input_tokens"],
        # As they are counted for the day: with the model's thoughts.
        "gen_ai.usage.output_tokens": reply["usage"]["output_tokens"] + reply["usage"]["thinking_tokens"],
    }
    assert spans["generate_content"].attributes == {
        "gen_ai.request.model": reply["model"],
        "http.response.status_code": 200,
    }
    assert not any(span.has_failed for span in spans.values())
    assert collector.paths == {"/v1/traces"}
    assert collector.keys == {"key-of-the-collector"}
    lines = [line for line in traced.logs().splitlines() if trace_id in line]
    events = {event for line in lines for event in re.findall(r'"event": "(\w+)"', line)}
    assert events >= {"request", "reply_started", "reply_recorded"}


def test_each_attempt_at_a_reply_is_in_its_trace(collector: Collector, user: User) -> None:
    trace_id, _, header = _given()
    content = f"[sandbox:503*1] {secrets.token_hex(4)}"
    ok(user.post(user.open_room(), content, traceparent=header, Prefer="wait=60"))
    attempts = _attempts(collector, trace_id, count=2)
    outcomes = [
        (span.attributes["chat.reply.attempt"], span.attributes["chat.reply.outcome"]) for span in attempts
    ]
    assert outcomes == [(1, "retry"), (2, "completed")]
    calls = {span.parent_id: span for span in collector.spans if span.name == "generate_content"}
    refused = calls[attempts[0].span_id]
    assert (refused.has_failed, refused.attributes["http.response.status_code"]) == (True, 503)
    assert not calls[attempts[1].span_id].has_failed


def test_a_failed_reply_is_a_failed_span_with_its_code(collector: Collector, user: User) -> None:
    trace_id, _, header = _given()
    reply = ok(user.post(user.open_room(), "[sandbox:400]", traceparent=header, Prefer="wait=60"))["reply"]
    [attempt] = _attempts(collector, trace_id, count=1)
    assert attempt.has_failed
    assert attempt.attributes["error.type"] == reply["error"]["code"]
    assert attempt.attributes["chat.reply.outcome"] == "failed"


def test_a_regenerated_reply_is_in_the_trace_of_its_own_request(collector: Collector, user: User) -> None:
    room = user.open_room()
    reply = user.say(room, "Say it twice")["reply"]
    trace_id, _, header = _given()
    address = f"/chatroom/{room}/message/{reply['id']}/regenerate"
    ok(user.http.post(address, headers={"traceparent": header, "Prefer": "wait=60"}))
    server = f"POST {_ROUTE}/{{reply_id}}/regenerate"
    spans = collector.trace_of(trace_id, (server, *_OF_A_REPLY))
    assert spans["process reply"].parent_id == spans[server].span_id


def test_the_span_of_a_stream_ends_with_the_stream(collector: Collector, user: User) -> None:
    trace_id, _, header = _given()
    address = f"/chatroom/{user.open_room()}/message/stream"
    body, headers = {"content": "[sandbox:pace=20] Tell me a story"}, {"traceparent": header}
    with user.http.stream("POST", address, json=body, headers=headers) as answer:
        assert [event.kind for event in read_events(answer.iter_lines())][-1] == "end"
    server = f"POST {_ROUTE}/stream"
    spans = collector.trace_of(trace_id, (server, *_OF_A_REPLY))
    assert spans["process reply"].parent_id == spans[server].span_id
    assert spans[server].end > spans["record reply"].start
    assert not spans[server].has_failed


def test_a_trace_that_its_client_does_not_sample_is_not_sent(collector: Collector, user: User) -> None:
    """Red when the row stores the trace as sampled: the worker's half is sent."""
    trace_id, _, header = _given()
    room = user.open_room()
    ok(user.post(room, "Not this one", traceparent=f"{header[:-2]}00", Prefer="wait=60"))
    later, _, header = _given()
    ok(user.post(room, "But this one", traceparent=header, Prefer="wait=60"))
    collector.trace_of(later, _OF_A_REPLY)
    assert trace_id not in {span.trace_id for span in collector.spans}


_ID, _SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "x",
        "-" * 4000,
        f"00-{'0' * 32}-{_SPAN}-01",
        f"00-{_ID}-{'0' * 16}-01",
        f"ff-{_ID}-{_SPAN}-01",
        f"00-{_ID.upper()}-{_SPAN}-01",
        f"00-{_ID}-{_SPAN}-01-and-more",
        f"00-{_ID}-{_SPAN}",
        f"00-{_ID}-{_SPAN}-1",
        f"00-{_ID}x{_SPAN}-01",
        "00-" + "\u0661" * 32 + f"-{_SPAN}-01",
        f"00-{_ID}-{_SPAN}-01' OR 1=1 --",
        f"00-{_ID}-{_SPAN}-01, 00-{_ID}-{_SPAN}-01",
    ],
)
def test_a_malformed_traceparent_is_ignored(
    traced: Stack, collector: Collector, user: User, header: str
) -> None:
    """The request starts a trace of its own, and only that is stored."""
    headers: list[tuple[bytes, bytes]] = [(b"traceparent", header.encode()), (b"Prefer", b"wait=60")]
    answer = user.http.post(f"/chatroom/{user.open_room()}/message", json={"content": "Hi"}, headers=headers)
    stored = _stored_traceparent(traced, ok(answer)["reply"]["id"])
    assert _TRACEPARENT.fullmatch(stored)
    assert _ID not in stored
    collector.trace_of(stored[3:35], (f"POST {_ROUTE}", *_OF_A_REPLY))


def test_two_traceparents_are_ignored(traced: Stack, user: User) -> None:
    both = [("traceparent", _given()[2]), ("traceparent", _given()[2]), ("Prefer", "wait=60")]
    answer = user.http.post(f"/chatroom/{user.open_room()}/message", json={"content": "Hi"}, headers=both)
    stored = _stored_traceparent(traced, ok(answer)["reply"]["id"])
    assert stored[3:35] not in {header[3:35] for _, header in both}


def test_a_stored_traceparent_that_is_malformed_is_ignored(own_stack: Stack) -> None:
    """A row may hold anything that a restored backup or a later version has written."""
    with Collector() as collector:
        user = own_stack.user()
        reply = ok(user.post(user.open_room(), "Hello", Prefer="respond-async"))["reply"]
        own_stack.database.run("UPDATE messages SET traceparent = 'nonsense' WHERE id = %s", reply["id"])
        own_stack.start_worker(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, **_QUICK)
        assert user.wait_for(reply)["status"] == "completed"
        [span] = eventually(lambda: [span for span in collector.spans if span.name == "process reply"])
        assert span.parent_id == ""


def test_a_trace_holds_nothing_of_its_user_and_nothing_that_a_client_has_sent(
    traced: Stack, collector: Collector, user: User
) -> None:
    """Red when the spans of libraries are sent as they are, or `tracestate` is taken over.

    A trace goes to another service, often of another company.
    """
    trace_id, _, header = _given()
    marks = {
        name: f"marked{secrets.token_hex(6)}"
        for name in ("text", "query", "state", "bag", "agent", "id", "key")
    }
    headers = {
        "traceparent": header,
        "tracestate": f"vendor={marks['state']}",
        "baggage": f"user={marks['bag']}",
        "User-Agent": marks["agent"],
        "X-Request-Id": marks["id"],
        "Idempotency-Key": marks["key"],
        "Host": "marked-host.example",
        "Prefer": "wait=60",
    }
    room = user.open_room()
    text = f"My name is {marks['text']}"
    exchange = ok(user.http.post(f"/chatroom/{room}/message", json={"content": text}, headers=headers))
    crashed = ok(user.post(room, f"[sandbox:garbage] {marks['text']}", traceparent=header, Prefer="wait=60"))
    assert crashed["reply"]["error"]
    ok(user.http.get("/chatroom/search", params={"q": marks["query"]}, headers={"traceparent": header}))
    assert user.http.request("PROPFIND", f"/marked-path/{marks['text']}").status_code == 404
    title = eventually(lambda: ok(user.http.get(f"/chatroom/{room}"))["title"])
    collector.trace_of(trace_id, (f"POST {_ROUTE}", *_OF_A_REPLY, "title room"))
    eventually(lambda: [span for span in collector.spans if span.name == "HTTP"], what="the unknown method")
    sent = b"\n".join(collector.bodies).decode("latin-1")
    private = {
        *marks.values(),
        user.mobile_number,
        user.mobile_number[1:],
        user.id,
        user.token,
        user.token.split(".")[1],
        room,
        exchange["message"]["id"],
        exchange["reply"]["id"],
        exchange["reply"]["content"][:20],
        title,
        "Ada Test",
        "PROPFIND",
        "marked-path",
        "marked-host.example",
        "127.0.0.1",
        traced.settings["JWT_SECRET_KEY"],
        traced.settings["METRICS_TOKEN"],
        "x-goog-api-key",
        "alt=sse",
    }
    assert {text for text in private if text in sent} == set()


def test_a_request_of_a_monitor_is_not_traced(traced: Stack, collector: Collector, user: User) -> None:
    for path in ("/health", "/health/live", "/metrics"):
        httpx.get(traced.base_url + path, trust_env=False)
    trace_id, _, header = _given()
    ok(user.http.get("/user/me", headers={"traceparent": header}))
    collector.trace_of(trace_id, ("GET /user/me",))
    routes = {span.attributes.get("http.route") for span in collector.spans if span.kind == "server"}
    assert "/user/me" in routes
    assert not any(str(route).startswith(("/health", "/metrics")) for route in routes)


def test_a_reply_that_another_worker_rescues_stays_in_its_trace(own_stack: Stack) -> None:
    """Red when the claim of an expired lease does not return the traceparent.

    The first worker is killed while it generates. The wake-up is lost with it: a poll finds the reply.
    """
    with Collector() as collector:
        own_stack.settings |= {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, **_QUICK}
        user = own_stack.user(own_stack.start_api())
        worker = own_stack.start_worker()
        trace_id, _, header = _given()
        content = "[sandbox:stall*1] Are you there?"
        answer = user.post(user.open_room(), content, traceparent=header, Prefer="respond-async")
        reply = ok(answer)["reply"]
        eventually(lambda: own_stack.calls("Are you there?"), what="the call of the first worker")
        worker.kill()
        own_stack.start_worker()
        assert user.wait_for(reply)["status"] == "completed"
        spans = collector.trace_of(trace_id, (f"POST {_ROUTE}", *_OF_A_REPLY))
        assert spans["process reply"].parent_id == spans[f"POST {_ROUTE}"].span_id
        assert spans["process reply"].attributes["chat.reply.attempt"] == 2


def _stored_traceparent(stack: Stack, reply_id: str) -> str:
    [row] = stack.database.rows("SELECT traceparent FROM messages WHERE id = %s", reply_id)
    return str(row["traceparent"])
