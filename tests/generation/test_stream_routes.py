"""Streaming routes store, charge, repeat and limit messages like the routes that return JSON."""

import uuid

import httpx
import pytest

from tests.support.listener import Event, Listener, events_address, read_events
from tests.support.stack import Stack
from tests.support.user import User, ok, problem


def _send(user: User, room: str, content: str, **headers: str) -> tuple[httpx.Response, list[Event]]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = user.http.post(f"/chatroom/{room}/message/stream", json={"content": content}, headers=named)
    return answer, _events(answer)


def _events(answer: httpx.Response) -> list[Event]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    return list(read_events(iter(answer.text.splitlines())))


def _regenerate(user: User, reply: dict[str, str], **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    address = f"/chatroom/{reply['chatroom_id']}/message/{reply['id']}/regenerate/stream"
    return user.http.post(address, headers=named)


def test_a_streamed_message_is_stored_charged_and_located_like_any_other(user: User) -> None:
    room = user.open_room()
    answer, events = _send(user, room, "Hello")
    end = events[-1].data
    assert answer.headers["location"] == f"/chatroom/{room}/message/{end['id']}"
    assert '"daily";r=4' in answer.headers["ratelimit"]
    assert answer.headers["cache-control"] == "no-cache, no-transform"
    history = ok(user.http.get(f"/chatroom/{room}/message"))["messages"]
    assert [line["content"] for line in history] == [end["content"], "Hello"]
    assert user.usage()["used"] == 1


def test_a_streamed_message_can_be_repeated_by_its_key_on_either_route(user: User) -> None:
    """Red when each route has its own keys: a client that falls back from streaming pays twice."""
    room, key = user.open_room(), uuid.uuid4().hex
    _, first = _send(user, room, "Once", Idempotency_Key=key)
    again, repeated = _send(user, room, "Once", Idempotency_Key=key)
    assert again.headers["idempotent-replayed"] == "true"
    assert [event.kind for event in repeated] == ["message", "start", "delta", "end"]
    assert repeated[-1] == first[-1]
    plain = user.post(room, "Once", Idempotency_Key=key)
    assert plain.json()["reply"]["id"] == first[-1].data["id"]
    assert user.usage()["used"] == 1
    other = user.http.post(
        f"/chatroom/{room}/message/stream", json={"content": "Twice"}, headers={"Idempotency-Key": key}
    )
    problem(other, 409, "idempotency_key_reused")


def test_a_streamed_message_counts_towards_the_daily_limit(stack: Stack) -> None:
    user = stack.user().at(stack.start_api(BASIC_MESSAGES_PER_DAY="2"))
    room = user.open_room()
    _, events = _send(user, room, "First")
    _events(_regenerate(user, events[-1].data))
    refused = user.http.post(f"/chatroom/{room}/message/stream", json={"content": "Third"})
    assert problem(refused, 429, "daily_limit_reached")["used"] == 2
    problem(_regenerate(user, _latest(user, room)), 429, "daily_limit_reached")
    stack.processes[-1].stop()


def _latest(user: User, room: str) -> dict[str, str]:
    messages = ok(user.http.get(f"/chatroom/{room}/message"))["messages"]
    latest: dict[str, str] = messages[0]
    return latest


def test_a_regeneration_is_streamed_and_repeated_by_its_key(user: User) -> None:
    room, key = user.open_room(), uuid.uuid4().hex
    old = user.say(room, "Tell me something")["reply"]
    answer = _regenerate(user, old, Idempotency_Key=key, Accept="application/json")
    events = _events(answer)
    listener = Listener()
    for event in events:
        listener.hear(event)
    assert listener.kinds == ["message", "start", "delta", "end"]
    assert events[0].data["message"]["content"] == "Tell me something"
    new = events[-1].data
    assert (new["reply_to"], new["status"], listener.text) == (old["reply_to"], "completed", new["content"])
    assert ok(user.http.get(f"/chatroom/{room}/message/{old['id']}"))["superseded"] is True
    assert _events(_regenerate(user, old, Idempotency_Key=key))[-1].data["id"] == new["id"]
    assert user.usage()["used"] == 2
    problem(_regenerate(user, old), 409, "not_latest")


def test_an_interrupted_stream_continues_after_its_last_event(user: User) -> None:
    room, listener = user.open_room(), Listener()
    content = f"[sandbox:pieces=60] [sandbox:pace=30] {uuid.uuid4().hex}"
    address = f"/chatroom/{room}/message/stream"
    with user.http.stream("POST", address, json={"content": content}) as answer:
        for event in read_events(answer.iter_lines()):
            listener.hear(event)
            if len(listener.text) > 20:
                break
    reply = listener.events[0].data["reply"]
    listener.listen(user, events_address(reply))
    assert listener.text == user.wait_for(reply)["content"]


@pytest.mark.parametrize("body", [{}, {"content": " "}, {"content": "x", "role": "model"}, {"content": 1}])
def test_an_invalid_message_is_rejected_before_the_stream_starts(user: User, body: object) -> None:
    room = user.open_room()
    answer = user.http.post(f"/chatroom/{room}/message/stream", json=body)
    problem(answer, 400, "validation_failed")
    assert ok(user.http.get(f"/chatroom/{room}/message"))["messages"] == []


def test_a_failed_reply_ends_its_stream(user: User) -> None:
    _, events = _send(user, user.open_room(), "[sandbox:400] Broken")
    assert [event.kind for event in events] == ["message", "start", "end"]
    assert events[-1].data["status"] == "failed"
    assert events[-1].data["error"]["code"] == "model_request_rejected"


@pytest.mark.parametrize("last_event_id", ["1000000005", "0", "1999999999", "garbage"])
def test_a_post_repeated_by_a_library_sends_no_second_message(user: User, last_event_id: str) -> None:
    """Red when `Last-Event-ID` is ignored: fetch-event-source and hey-api send and pay a second message."""
    room = user.open_room()
    reply = user.say(room, "Only once")["reply"]
    regenerate = f"/chatroom/{room}/message/{reply['id']}/regenerate"
    headers = {"Last-Event-ID": last_event_id}
    for address, more in (
        (f"/chatroom/{room}/message/stream", {}),
        (f"/chatroom/{room}/message", {"Accept": "text/event-stream"}),
        (f"{regenerate}/stream", {}),
        (regenerate, {"Accept": "text/event-stream"}),
    ):
        body = None if "regenerate" in address else {"content": "Only once"}
        refused = user.http.post(address, json=body, headers=headers | more)
        [error] = problem(refused, 400, "validation_failed")["errors"]
        assert (error["pointer"], error["code"]) == ("/header/idempotency-key", "missing")
    assert user.usage()["used"] == 1
    assert len(ok(user.http.get(f"/chatroom/{room}/message"))["messages"]) == 2


def test_a_post_repeated_with_its_key_continues_after_the_last_event(user: User) -> None:
    room, key = user.open_room(), uuid.uuid4().hex
    _, first = _send(user, room, "Hello", Idempotency_Key=key, Last_Event_ID="1000000005")
    assert (first[0].kind, first[-1].kind) == ("message", "end")  # a new key sends a new message
    text = first[-1].data["content"]
    _, rest = _send(user, room, "Hello", Idempotency_Key=key, Last_Event_ID=str(10**9 + 5))
    assert [event.kind for event in rest] == ["delta", "end"]
    assert rest[0].data["text"] == text[5:]
    over = user.http.post(
        f"/chatroom/{room}/message/stream",
        json={"content": "Hello"},
        headers={"Idempotency-Key": key, "Last-Event-ID": str(first[-1].id)},
    )
    assert _events(over) == []
    assert user.usage()["used"] == 1


def test_an_event_id_of_thousands_of_digits_is_unknown(user: User) -> None:
    """Red when it is converted to a number: Python refuses to, and the request answers 500."""
    room, key = user.open_room(), uuid.uuid4().hex
    text = user.post(room, "Hello", Idempotency_Key=key).json()["reply"]["content"]
    repeated = user.http.post(
        f"/chatroom/{room}/message",
        json={"content": "Hello"},
        headers={"Accept": "text/event-stream", "Idempotency-Key": key, "Last-Event-ID": "9" * 5000},
    )
    assert repeated.status_code == 200
    events = _events(repeated)
    assert [event.kind for event in events] == ["restart", "delta", "end"]
    assert events[1].data["text"] == text


def test_stream_is_not_a_message_id(user: User) -> None:
    """Red when the route of messages matches it: GET is then 404, and `Allow` names it."""
    address = f"/chatroom/{user.open_room()}/message/stream"
    for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"):
        answer = user.http.request(method, address)
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST"), method
    problem(user.http.get(f"{address}s"), 404, "message_not_found")
    problem(user.http.get(f"{address}/events"), 404, "message_not_found")
