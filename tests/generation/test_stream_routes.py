"""Streaming routes store, charge, repeat and limit messages like the routes that return JSON."""

import uuid

import httpx
import pytest

from tests.support.listener import Event, Listener, events_address, read_events
from tests.support.person import Person, ok, problem
from tests.support.stack import Stack


def _send(person: Person, room: str, content: str, **headers: str) -> tuple[httpx.Response, list[Event]]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = person.http.post(f"/chatroom/{room}/message/stream", json={"content": content}, headers=named)
    return answer, _events(answer)


def _events(answer: httpx.Response) -> list[Event]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    return list(read_events(iter(answer.text.splitlines())))


def _regenerate(person: Person, reply: dict[str, str], **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    address = f"/chatroom/{reply['chatroom_id']}/message/{reply['id']}/regenerate/stream"
    return person.http.post(address, headers=named)


def test_a_streamed_message_is_stored_charged_and_located_like_any_other(person: Person) -> None:
    room = person.open_room()
    answer, events = _send(person, room, "Hello")
    end = events[-1].data
    assert answer.headers["location"] == f"/chatroom/{room}/message/{end['id']}"
    assert '"daily";r=4' in answer.headers["ratelimit"]
    assert answer.headers["cache-control"] == "no-cache, no-transform"
    history = ok(person.http.get(f"/chatroom/{room}/message"))["messages"]
    assert [line["content"] for line in history] == [end["content"], "Hello"]
    assert person.usage()["used"] == 1


def test_a_streamed_message_can_be_repeated_by_its_key_on_either_route(person: Person) -> None:
    """Red when each route has its own keys: a client that falls back from streaming pays twice."""
    room, key = person.open_room(), uuid.uuid4().hex
    _, first = _send(person, room, "Once", Idempotency_Key=key)
    again, repeated = _send(person, room, "Once", Idempotency_Key=key)
    assert again.headers["idempotent-replayed"] == "true"
    assert [event.kind for event in repeated] == ["message", "start", "delta", "end"]
    assert repeated[-1] == first[-1]
    plain = person.post(room, "Once", Idempotency_Key=key)
    assert plain.json()["reply"]["id"] == first[-1].data["id"]
    assert person.usage()["used"] == 1
    other = person.http.post(
        f"/chatroom/{room}/message/stream", json={"content": "Twice"}, headers={"Idempotency-Key": key}
    )
    problem(other, 409, "idempotency_key_reused")


def test_a_streamed_message_counts_towards_the_daily_limit(stack: Stack) -> None:
    person = stack.person().at(stack.start_api(BASIC_MESSAGES_PER_DAY="2"))
    room = person.open_room()
    _, events = _send(person, room, "First")
    _events(_regenerate(person, events[-1].data))
    refused = person.http.post(f"/chatroom/{room}/message/stream", json={"content": "Third"})
    assert problem(refused, 429, "daily_limit_reached")["used"] == 2
    problem(_regenerate(person, _latest(person, room)), 429, "daily_limit_reached")
    stack.processes[-1].stop()


def _latest(person: Person, room: str) -> dict[str, str]:
    messages = ok(person.http.get(f"/chatroom/{room}/message"))["messages"]
    latest: dict[str, str] = messages[0]
    return latest


def test_a_regeneration_is_streamed_and_repeated_by_its_key(person: Person) -> None:
    room, key = person.open_room(), uuid.uuid4().hex
    old = person.say(room, "Tell me something")["reply"]
    answer = _regenerate(person, old, Idempotency_Key=key, Accept="application/json")
    events = _events(answer)
    listener = Listener()
    for event in events:
        listener.hear(event)
    assert listener.kinds == ["message", "start", "delta", "end"]
    assert events[0].data["message"]["content"] == "Tell me something"
    new = events[-1].data
    assert (new["reply_to"], new["status"], listener.text) == (old["reply_to"], "completed", new["content"])
    assert ok(person.http.get(f"/chatroom/{room}/message/{old['id']}"))["superseded"] is True
    assert _events(_regenerate(person, old, Idempotency_Key=key))[-1].data["id"] == new["id"]
    assert person.usage()["used"] == 2
    problem(_regenerate(person, old), 409, "not_latest")


def test_an_interrupted_stream_continues_after_its_last_event(person: Person) -> None:
    room, listener = person.open_room(), Listener()
    content = f"[sandbox:pieces=60] [sandbox:pace=30] {uuid.uuid4().hex}"
    address = f"/chatroom/{room}/message/stream"
    with person.http.stream("POST", address, json={"content": content}) as answer:
        for event in read_events(answer.iter_lines()):
            listener.hear(event)
            if len(listener.text) > 20:
                break
    reply = listener.events[0].data["reply"]
    listener.listen(person, events_address(reply))
    assert listener.text == person.wait_for(reply)["content"]


@pytest.mark.parametrize("body", [{}, {"content": " "}, {"content": "x", "role": "model"}, {"content": 1}])
def test_an_invalid_message_is_rejected_before_the_stream_starts(person: Person, body: object) -> None:
    room = person.open_room()
    answer = person.http.post(f"/chatroom/{room}/message/stream", json=body)
    problem(answer, 400, "validation_failed")
    assert ok(person.http.get(f"/chatroom/{room}/message"))["messages"] == []


def test_a_failed_reply_ends_its_stream(person: Person) -> None:
    _, events = _send(person, person.open_room(), "[sandbox:400] Broken")
    assert [event.kind for event in events] == ["message", "start", "end"]
    assert events[-1].data["status"] == "failed"
    assert events[-1].data["error"]["code"] == "model_request_rejected"


@pytest.mark.parametrize("last_event_id", ["1000000005", "0", "1999999999", "garbage"])
def test_a_post_repeated_by_a_library_sends_no_second_message(person: Person, last_event_id: str) -> None:
    """Red when `Last-Event-ID` is ignored: fetch-event-source and hey-api send and pay a second message."""
    room = person.open_room()
    reply = person.say(room, "Only once")["reply"]
    regenerate = f"/chatroom/{room}/message/{reply['id']}/regenerate"
    headers = {"Last-Event-ID": last_event_id}
    for address, more in (
        (f"/chatroom/{room}/message/stream", {}),
        (f"/chatroom/{room}/message", {"Accept": "text/event-stream"}),
        (f"{regenerate}/stream", {}),
        (regenerate, {"Accept": "text/event-stream"}),
    ):
        body = None if "regenerate" in address else {"content": "Only once"}
        refused = person.http.post(address, json=body, headers=headers | more)
        [error] = problem(refused, 400, "validation_failed")["errors"]
        assert (error["pointer"], error["code"]) == ("/header/idempotency-key", "missing")
    assert person.usage()["used"] == 1
    assert len(ok(person.http.get(f"/chatroom/{room}/message"))["messages"]) == 2


def test_a_post_repeated_with_its_key_continues_after_the_last_event(person: Person) -> None:
    room, key = person.open_room(), uuid.uuid4().hex
    _, first = _send(person, room, "Hello", Idempotency_Key=key, Last_Event_ID="1000000005")
    assert (first[0].kind, first[-1].kind) == ("message", "end")  # a new key sends a new message
    text = first[-1].data["content"]
    _, rest = _send(person, room, "Hello", Idempotency_Key=key, Last_Event_ID=str(10**9 + 5))
    assert [event.kind for event in rest] == ["delta", "end"]
    assert rest[0].data["text"] == text[5:]
    over = person.http.post(
        f"/chatroom/{room}/message/stream",
        json={"content": "Hello"},
        headers={"Idempotency-Key": key, "Last-Event-ID": str(first[-1].id)},
    )
    assert _events(over) == []
    assert person.usage()["used"] == 1


def test_an_event_id_of_thousands_of_digits_is_unknown(person: Person) -> None:
    """Red when it is converted to a number: Python refuses to, and the request answers 500."""
    room, key = person.open_room(), uuid.uuid4().hex
    text = person.post(room, "Hello", Idempotency_Key=key).json()["reply"]["content"]
    repeated = person.http.post(
        f"/chatroom/{room}/message",
        json={"content": "Hello"},
        headers={"Accept": "text/event-stream", "Idempotency-Key": key, "Last-Event-ID": "9" * 5000},
    )
    assert repeated.status_code == 200
    events = _events(repeated)
    assert [event.kind for event in events] == ["restart", "delta", "end"]
    assert events[1].data["text"] == text


def test_stream_is_not_a_message_id(person: Person) -> None:
    """Red when the route of messages matches it: GET is then 404, and `Allow` names it."""
    address = f"/chatroom/{person.open_room()}/message/stream"
    for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"):
        answer = person.http.request(method, address)
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST"), method
    problem(person.http.get(f"{address}s"), 404, "message_not_found")
    problem(person.http.get(f"{address}/events"), 404, "message_not_found")
