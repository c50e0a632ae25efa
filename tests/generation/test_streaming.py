"""Events of a reply: live, resumable after any event, from any process."""

import asyncio
import signal
import threading
import time
import uuid

import httpx
import pytest

from app.config import PostgresAddress, RedisAddress
from app.database import Database
from app.redis_client.breaker import Breaker
from app.redis_client.chatroom_cache import ChatroomCache
from app.redis_client.connection import RedisConnection
from app.redis_client.daily_count import DailyCountMirror
from app.redis_client.reply_events import ReplyEvents
from app.redis_client.reply_listener import ReplyListener
from app.services.generation.reply_feed import ReplyFeed
from app.unit_of_work import UnitOfWork
from tests.support.listener import Event, Listener, events_address, read_events
from tests.support.no_publisher import NoPublisher
from tests.support.plans import Sent, recorded
from tests.support.stack import Stack
from tests.support.user import Json, User, ok, problem
from tests.support.waiting import eventually

pytestmark = pytest.mark.server_version

ENDED = (0, -signal.SIGTERM)
"""uvicorn shuts down in order, then re-raises the signal that it received."""


def _begin(user: User, content: str) -> Json:
    """Send a message and return its unfinished reply."""
    reply: Json = ok(user.post(user.open_room(), content, Prefer="respond-async"))["reply"]
    return reply


def _all_events(user: User, reply: Json, last_event_id: str | None = None) -> list[Event]:
    headers = {} if last_event_id is None else {"Last-Event-ID": last_event_id}
    with user.http.stream("GET", events_address(reply), headers=headers) as answer:
        assert answer.status_code == 200
        return list(read_events(answer.iter_lines()))


@pytest.mark.parametrize(
    ("route", "accept"),
    [
        ("/stream", "*/*"),
        ("/stream", "application/json"),
        ("/stream", "image/png"),
        ("", "text/event-stream"),
    ],
)
def test_a_message_is_sent_and_its_reply_streamed_in_one_request(user: User, route: str, accept: str) -> None:
    """Red when the streaming route depends on `Accept`, or the plain one no longer does."""
    room, listener = user.open_room(), Listener()
    address = f"/chatroom/{room}/message"
    headers = {"Accept": accept}
    with user.http.stream("POST", address + route, json={"content": "Hello"}, headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-cache, no-transform"
        assert answer.headers["x-accel-buffering"] == "no"
        for event in read_events(answer.iter_lines()):
            listener.hear(event)
    assert listener.kinds == ["message", "start", "delta", "end"]
    opening, end = listener.events[0], listener.events[-1]
    assert opening.id == 0
    assert opening.data["message"]["content"] == "Hello"
    assert opening.data["reply"]["status"] == "pending"
    assert end.data == {**ok(user.http.get(f"{address}/{end.data['id']}")), "type": "end"}
    assert all(event.data["type"] == event.kind for event in listener.events)
    assert listener.text == end.data["content"] != ""


def test_ids_are_the_attempt_and_the_characters_so_far(user: User) -> None:
    reply = _begin(user, "[sandbox:unicode] [sandbox:pieces=30] [sandbox:pace=20] Count")
    events = _all_events(user, reply)
    shown = ""
    assert [events[0].id, events[1].id, events[-1].id] == [0, 10**9, 10**9 + 999_999_999]
    for event in events[2:-1]:
        shown += event.data["text"]
        assert event.id == 10**9 + len(shown)
    assert shown == events[-1].data["content"]


def test_deltas_arrive_while_the_model_generates(user: User) -> None:
    reply = _begin(user, "[sandbox:pieces=40] [sandbox:pace=50] Word by word")
    deltas = [event for event in _all_events(user, reply) if event.kind == "delta"]
    assert len(deltas) > 5


def test_a_finished_reply_is_streamed_from_any_position(user: User) -> None:
    reply = user.say(user.open_room(), "Hello")["reply"]
    text = reply["content"]
    whole = _all_events(user, reply)
    assert "".join(event.data["text"] for event in whole if event.kind == "delta") == text
    rest = _all_events(user, reply, str(10**9 + 7))
    assert [event.kind for event in rest] == ["delta", "end"]
    assert rest[0].data["text"] == text[7:]
    end_id = str(whole[-1].id)
    answer = user.http.get(events_address(reply), headers={"Last-Event-ID": end_id})
    assert answer.status_code == 204


@pytest.mark.parametrize("unknown", ["garbage", str(10**9 + 10**8), str(7 * 10**9 + 5), "-1", "9" * 30])
def test_after_an_impossible_event_id_the_whole_reply_is_sent_again(user: User, unknown: str) -> None:
    reply = user.say(user.open_room(), "Hello")["reply"]
    events = _all_events(user, reply, unknown)
    assert [event.kind for event in events] == ["restart", "delta", "end"]
    assert events[1].data["text"] == reply["content"]


@pytest.mark.parametrize("empties_redis", [False, True])
def test_a_client_cut_off_repeatedly_receives_the_stored_text_byte_for_byte(
    stack: Stack,
    pro: User,
    empties_redis: bool,  # noqa: FBT001  # pytest's
) -> None:
    second = pro.at(stack.start_api())
    reply = _begin(pro, f"[sandbox:pieces=160] [sandbox:pace=30] {uuid.uuid4().hex}")
    listener, cuts = Listener(), 0
    while not listener.has_ended:
        user = second if cuts % 2 else pro
        with user.http.stream("GET", events_address(reply), headers=listener.headers()) as answer:
            assert answer.status_code == 200, answer.read()
            until = time.monotonic() + 0.3
            for event in read_events(answer.iter_lines()):
                listener.hear(event)
                if time.monotonic() > until:
                    break
        cuts += 1
        if empties_redis and cuts == 4:
            stack.redis.flushall()
    stored = pro.wait_for(reply)
    assert cuts >= 5
    assert listener.text.encode() == stored["content"].encode()
    assert listener.events[-1].data == {**stored, "type": "end"}


def test_concurrent_reads_of_a_reply_share_one_query(stack: Stack, user: User) -> None:
    """Red when each sends its own: the end of a reply costs as many queries as it has clients."""
    reply = user.say(user.open_room(), "Hello")["reply"]

    async def read_20_times() -> list[Sent]:
        database, sent = recorded(Database.from_url(PostgresAddress.parse(stack.database.url)))
        redis = RedisConnection(RedisAddress.parse(stack.redis_url), Breaker())
        listener = ReplyListener(RedisAddress.parse(stack.redis_url), connect_seconds=1)
        cache = ChatroomCache(redis, ttl_seconds=300)
        uow = UnitOfWork(
            database, cache, DailyCountMirror(redis), ReplyEvents(redis), NoPublisher(), limit_seconds=60
        )
        feed = ReplyFeed(uow, listener)
        try:
            rows = await asyncio.gather(*(feed.read(uuid.UUID(reply["id"])) for _ in range(20)))
            assert await feed.read(uuid.UUID(reply["id"])) is not rows[0]
        finally:
            await listener.aclose()
            await redis.aclose()
            await database.aclose()
        assert {id(row) for row in rows} == {id(rows[0])}
        return sent

    assert len(asyncio.run(read_20_times())) == 2


def test_a_silent_stream_sends_a_comment_at_least_every_15_seconds(user: User) -> None:
    """Red without heartbeats: a proxy closes the connection while Gemini thinks."""
    reply = _begin(user, "[sandbox:wait=50] Think about it")
    with user.http.stream("GET", events_address(reply), timeout=15) as answer:
        assert ": still here" in answer.iter_lines()
    ok(user.http.post(events_address(reply).replace("events", "cancel")))


def test_many_clients_receive_the_same_text(stack: Stack, user: User) -> None:
    reply = _begin(user, "[sandbox:pieces=40] [sandbox:pace=30] For everybody")
    listeners = [Listener() for _ in range(10)]
    threads = [
        threading.Thread(
            target=listener.listen, args=(user.at(stack.base_url), events_address(reply)), daemon=True
        )
        for listener in listeners
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stored = user.wait_for(reply)["content"]
    assert [listener.text for listener in listeners] == [stored] * 10


def test_a_failed_attempt_is_discarded_with_a_restart(user: User) -> None:
    reply = _begin(user, f"[sandbox:cut=20*1] [sandbox:pace=20] {uuid.uuid4().hex}")
    listener = Listener()
    listener.listen(user, events_address(reply))
    assert listener.kinds == ["message", "start", "delta", "restart", "delta", "end"]
    assert listener.events[-1].id == 2 * 10**9 + 999_999_999
    assert listener.text == listener.events[-1].data["content"]


def test_a_failure_ends_the_stream_with_the_failed_reply(user: User) -> None:
    events = _all_events(user, _begin(user, "[sandbox:400] Broken"))
    assert [event.kind for event in events] == ["message", "start", "end"]
    assert events[-1].data["status"] == "failed"


def test_the_reply_of_another_user_is_not_found(stack: Stack, user: User) -> None:
    exchange = user.say(user.open_room(), "Private")
    problem(stack.user().http.get(events_address(exchange["reply"])), 404, "chatroom_not_found")
    own_message = events_address(exchange["reply"]).replace(
        exchange["reply"]["id"], exchange["message"]["id"]
    )
    problem(user.http.get(own_message), 404, "message_not_found")


def test_a_shutdown_ends_the_stream_and_the_client_continues_at_another_process(
    stack: Stack, user: User
) -> None:
    stopping = stack.start_api()
    process = stack.processes[-1]
    reply = _begin(user, "[sandbox:pieces=60] [sandbox:pace=50] Do not lose me")
    listener = Listener()
    hearing = threading.Thread(
        target=listener.listen, args=(user.at(stopping), events_address(reply)), daemon=True
    )
    hearing.start()
    eventually(lambda: listener.text, what="some text")
    assert process.stop(seconds=10) in ENDED
    hearing.join()
    assert not listener.has_ended
    listener.listen(user, events_address(reply))
    assert listener.text == user.wait_for(reply)["content"]


def test_a_waiting_request_is_answered_at_once_at_shutdown(stack: Stack, user: User) -> None:
    stopping = stack.start_api()
    process = stack.processes[-1]
    room, answers = user.open_room(), list[httpx.Response]()
    elsewhere = user.at(stopping)
    waiting = threading.Thread(
        target=lambda: answers.append(elsewhere.post(room, "[sandbox:wait=8] Wait")), daemon=True
    )
    waiting.start()
    eventually(lambda: stack.calls("[sandbox:wait=8] Wait"), what="a call to Gemini")
    assert process.stop(seconds=7) in ENDED
    waiting.join()
    assert answers[0].status_code == 202
    assert user.wait_for(answers[0].json()["reply"])["status"] == "completed"


def test_garbage_on_the_channel_of_events_interrupts_streams_only_briefly(stack: Stack, user: User) -> None:
    """Red when an unexpected error ends the listener of a process: it never subscribes again."""
    reply, listener = _begin(user, "[sandbox:pieces=100] [sandbox:pace=50] Tell me more"), Listener()
    hearing = threading.Thread(target=listener.listen, args=(user, events_address(reply)))
    hearing.start()
    eventually(lambda: listener.text, what="the first text")
    channel = f"reply:{reply['id']}"
    stack.redis.publish(channel, "no event")
    eventually(lambda: '"work": "reply-listener"' in stack.logs(), what="the failure")
    eventually(lambda: dict(stack.redis.pubsub_numsub(channel))[channel] == 1, what="a new subscription")
    hearing.join(60)
    assert listener.text == user.wait_for(reply)["content"]
