"""Bytes of a reply's stream: every block is an event with data, to every kind of parser."""

import asyncio
import json
import threading
import uuid

import httpx

from app.kit.event_id import EventId
from app.schemas.sse import ReplyDeltaEvent, ReplyStartEvent, SseEvent, write_events
from tests.support.event_stream import Dispatched, dispatched, retries
from tests.support.listener import events_address
from tests.support.stack import Stack
from tests.support.user import User, ok
from tests.support.waiting import eventually


def _read(wire: bytes) -> list[Dispatched]:
    """Return the events of a stream, which must be the same to all parsers."""
    events = list(dispatched(wire))
    assert list(dispatched(wire, by_libraries=True)) == events
    return events


class _Source:
    """Events that have happened, and heartbeats."""

    def __init__(self, *events: SseEvent | None) -> None:
        self._left = list(events)
        self.is_over = False

    async def next(self) -> list[SseEvent]:
        self.is_over = not self._left
        event = self._left.pop(0) if self._left else None
        return [] if event is None else [event]


async def _wire(*events: SseEvent | None) -> bytes:
    wire = bytearray()

    async def write(data: bytes) -> None:
        wire.extend(data)

    await write_events(_Source(*events), write)
    return bytes(wire)


def test_retry_hints_and_comments_are_not_parsed_as_events() -> None:
    """Red with a second line break after any of them: httpx-sse then returns an empty `message`."""
    start, delta = (
        SseEvent(EventId(1, 0), ReplyStartEvent(attempt=1)),
        SseEvent(EventId(1, 2), ReplyDeltaEvent(text="Hi")),
    )
    wire = asyncio.run(_wire(None, start, None, None, delta, None))
    assert [(event.name, event.id) for event in _read(wire)] == [
        ("start", "1000000000"),
        ("delta", "1000000002"),
    ]
    assert retries(wire) == [2000, 500]
    assert wire.count(b": still here\n") == 4
    assert wire.endswith(b"\nretry: 500\n")
    assert list(dispatched(asyncio.run(_wire(None, None)), by_libraries=True)) == []


def test_every_block_of_a_whole_stream_is_an_event_with_its_type(user: User) -> None:
    """Red when `type` differs from the name of the event, in any of the five kinds."""
    words = f"[sandbox:cut=20*1] [sandbox:pace=20] {uuid.uuid4().hex}"
    sent = user.http.post(f"/chatroom/{user.open_room()}/message/stream", json={"content": words})
    assert sent.status_code == 200
    events = _read(sent.content)
    data = [json.loads(event.data) for event in events]
    assert [payload["type"] for payload in data] == [event.name for event in events]
    assert {event.name for event in events} == {"message", "start", "delta", "restart", "end"}
    assert events[0].retry == 2000
    assert retries(sent.content) == [2000]
    followed = user.http.get(events_address(data[0]["reply"]))
    assert [event.name for event in _read(followed.content)] == ["message", "start", "delta", "end"]


def test_a_stream_ended_by_a_shutdown_contains_no_partial_event(stack: Stack, user: User) -> None:
    """Red when the last retry hint is a block: the client reads an empty event at the end."""
    stopping = stack.start_api()
    process = stack.processes[-1]
    words = "[sandbox:pieces=60] [sandbox:pace=50] Stop in the middle"
    reply = ok(user.post(user.open_room(), words, Prefer="respond-async"))["reply"]
    wire, answers = bytearray(), list[httpx.Response]()

    def read() -> None:
        with user.at(stopping).http.stream("GET", events_address(reply)) as answer:
            answers.append(answer)
            for piece in answer.iter_bytes():
                wire.extend(piece)

    reading = threading.Thread(target=read, daemon=True)
    reading.start()
    eventually(lambda: b"event: delta" in wire, what="some text")
    process.stop(seconds=10)
    reading.join()
    assert "end" not in [event.name for event in _read(bytes(wire))]
    assert retries(bytes(wire)) == [2000, 500]
    ok(user.http.post(f"/chatroom/{reply['chatroom_id']}/message/{reply['id']}/cancel"))
