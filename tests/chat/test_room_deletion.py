"""Deleting a room: hidden at once, replies cancelled and reported, rows erased soon after."""

import concurrent.futures
import datetime as dt
import uuid

import httpx
import psycopg
import pytest

from tests.support.follow_ups import later_room_gets_its_title
from tests.support.leftovers import leftovers
from tests.support.listener import Listener, events_address
from tests.support.stack import Stack
from tests.support.user import Json, User, ok, problem
from tests.support.waiting import eventually

pytestmark = pytest.mark.server_version

_SLOW = "[sandbox:pieces=300] [sandbox:pace=50]"
_NO_REDIS = "redis://127.0.0.1:9/0"


def _delete(user: User, room: str) -> None:
    answer = user.http.delete(f"/chatroom/{room}")
    assert (answer.status_code, answer.content) == (204, b"")


def _begin(user: User, room: str, content: str) -> Json:
    reply: Json = ok(user.post(room, content, Prefer="respond-async"))["reply"]
    return reply


def _rows(stack: Stack, room: str) -> int:
    count = stack.database.value(
        "SELECT (SELECT count(*) FROM messages WHERE chatroom_id = %s)"
        " + (SELECT count(*) FROM chatrooms WHERE id = %s)",
        uuid.UUID(room),
        uuid.UUID(room),
    )
    assert isinstance(count, int)
    return count


def test_a_deleted_room_is_hidden_from_its_owner_at_once(user: User) -> None:
    """Red when reading or listing rooms, the search or the account's export ignore `erase_at`."""
    stays, room = user.open_room(title="Stays"), user.open_room(title="Goes")
    reply = user.say(room, "Something")["reply"]
    assert ok(user.http.get("/chatroom/search?q=something"))["hits"] != []
    assert len(ok(user.http.get("/chatroom"))["chatrooms"]) == 2
    _delete(user, room)
    assert [room["id"] for room in ok(user.http.get("/chatroom"))["chatrooms"]] == [stays]
    message = f"/chatroom/{room}/message/{reply['id']}"
    answers: list[httpx.Response] = [
        user.http.get(f"/chatroom/{room}"),
        user.http.patch(f"/chatroom/{room}", json={"title": "Back"}),
        user.http.delete(f"/chatroom/{room}"),
        user.http.get(f"/chatroom/{room}/export"),
        user.http.get(f"/chatroom/{room}/message"),
        user.post(room, "Still there?"),
        user.http.get(message),
        user.http.get(f"{message}/events"),
        user.http.post(f"{message}/cancel"),
        user.http.post(f"{message}/regenerate"),
    ]
    for answer in answers:
        problem(answer, 404, "chatroom_not_found")
    assert ok(user.http.get("/chatroom/search?q=something"))["hits"] == []
    exported = ok(user.http.get("/user/me/export"))["chatrooms"]
    assert [room["id"] for room in exported] == [stays]
    assert user.usage()["used"] == 1


def test_nothing_of_a_deleted_room_is_left(stack: Stack, user: User) -> None:
    """In every column, Redis key and value. Red without the worker's erasure, or its part in Redis."""
    mark = uuid.uuid4().hex
    room = user.open_room(title=f"Title {mark}")
    exchange = ok(user.post(room, f"Text {mark}", Idempotency_Key=f"key-{mark}"))
    user.http.get("/chatroom")
    marks = [mark, exchange["message"]["id"], exchange["reply"]["id"], room]
    assert leftovers(stack, marks) != []
    _delete(user, room)
    eventually(lambda: leftovers(stack, marks) == [], what="the end of the erasure")
    days = ok(user.http.get("/user/me/usage"))["days"]
    assert days[0]["messages"] == 1
    assert days[0]["output_tokens"] > 0


def test_a_reply_in_progress_is_cancelled_and_its_streams_end(stack: Stack, user: User) -> None:
    """Red when no cancellation is requested: the call to Gemini goes on for 15 seconds."""
    mark, room = uuid.uuid4().hex, user.open_room()
    running = _begin(user, room, f"{_SLOW} {mark}")
    waiting = _begin(user, room, f"behind {mark}")
    eventually(lambda: stack.calls(mark), what="a call to Gemini")
    without_redis = user.at(stack.start_api(REDIS_URL=_NO_REDIS))
    listeners = [Listener(), Listener(), Listener()]
    places = [(user, running), (user, waiting), (without_redis, running)]
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        heard = [
            threads.submit(listener.listen, who, events_address(reply))
            for listener, (who, reply) in zip(listeners, places, strict=True)
        ]
        asking = threads.submit(user.wait_for, running)
        eventually(
            lambda: all(listener.kinds for listener in listeners) and "delta" in listeners[0].kinds,
            what="listeners that hear",
        )
        _delete(user, room)
        eventually(
            lambda: stack.calls(mark)[0]["ended"] == "client_closed", seconds=2, what="the end of the call"
        )
        for listening in heard:
            listening.result(10)
        assert asking.result(5)["status"] == "cancelled"
    assert [listener.kinds[-1] for listener in listeners] == ["end"] * 3
    assert [listener.events[-1].data["status"] for listener in listeners] == ["cancelled"] * 3
    assert listeners[0].text == listeners[0].events[-1].data["content"] == listeners[2].text != ""
    assert len(stack.calls(mark)) == 1
    assert user.usage()["used"] == 1  # the pending reply was refunded
    eventually(lambda: _rows(stack, room) == 0, what="the end of the erasure")
    stack.processes[-1].stop()


@pytest.mark.slow
def test_a_reply_of_a_lost_worker_is_cancelled_when_its_lease_expires(own_stack: Stack) -> None:
    """Its lease is longer than a deleted room stays.

    Red when the erasure does not wait for the reply's end, or erases before everybody has seen that.
    """
    doomed = own_stack.start_worker(REPLY_LEASE_SECONDS="14")
    user, mark = own_stack.user(), uuid.uuid4().hex
    room = user.open_room()
    reply = _begin(user, room, f"[sandbox:hang] {mark}")
    eventually(lambda: own_stack.calls(mark), what="a call to Gemini")
    doomed.kill()
    without_redis = user.at(own_stack.start_api(REDIS_URL=_NO_REDIS))
    listeners = [Listener(), Listener()]
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        heard = [
            threads.submit(listener.listen, who, events_address(reply))
            for listener, who in zip(listeners, (user, without_redis), strict=True)
        ]
        eventually(lambda: all(listener.kinds for listener in listeners), what="listeners that hear")
        _delete(user, room)
        own_stack.start_worker()
        for listening in heard:
            listening.result(60)
    assert [listener.kinds[-1] for listener in listeners] == ["end", "end"]
    assert [listener.events[-1].data["status"] for listener in listeners] == ["cancelled"] * 2
    assert user.usage()["used"] == 0
    eventually(lambda: _rows(own_stack, room) == 0, seconds=60, what="the end of the erasure")


def test_a_deletion_interrupted_after_its_commit_is_completed(stack: Stack, user: User) -> None:
    """Only the mark was stored. Red when the erasure does not cancel the replies itself."""
    mark, room = uuid.uuid4().hex, user.open_room()
    _begin(user, room, f"[sandbox:hang] {mark}")
    eventually(lambda: stack.calls(mark), what="a call to Gemini")
    stack.database.run("UPDATE chatrooms SET erase_at = now() WHERE id = %s", uuid.UUID(room))
    eventually(lambda: stack.calls(mark)[0]["ended"] == "client_closed", what="the end of the call to Gemini")
    eventually(lambda: _rows(stack, room) == 0, what="the end of the erasure")
    assert user.usage()["used"] == 0


def test_no_reply_of_a_deleted_room_is_generated(stack: Stack, user: User) -> None:
    """Even if it was not cancelled. Red when a claim ignores the deletion of the room."""
    mark, room = uuid.uuid4().hex, user.open_room()
    _begin(user, room, f"[sandbox:wait=2] first {mark}")
    _begin(user, room, f"second {mark}")
    eventually(lambda: stack.calls(f"first {mark}"), what="a call to Gemini")
    marked = "UPDATE chatrooms SET erase_at = now() + %s * interval '1 second' WHERE id = %s"
    stack.database.run(marked, 3600, uuid.UUID(room))
    eventually(lambda: stack.calls(f"first {mark}")[0]["ended"] == "finished", what="the first reply")
    later_room_gets_its_title(stack, user)
    assert stack.calls(f"second {mark}") == []
    stack.database.run(marked, 0, uuid.UUID(room))
    eventually(lambda: _rows(stack, room) == 0, what="the end of the erasure")
    assert stack.calls(f"second {mark}") == []


def test_refunds_of_a_deletion_are_mirrored_in_redis(stack: Stack, user: User) -> None:
    """Red when the refund of several replies is not mirrored."""
    room = user.open_room()
    _begin(user, room, _SLOW)
    _begin(user, room, "queued")
    key = f"rate_limit:user:{user.id}:date:{dt.datetime.now(dt.UTC).date()}"
    eventually(lambda: stack.redis.get(key) == "2", what="the count of both")
    _delete(user, room)
    eventually(lambda: stack.redis.get(key) == "1", what="the count without the one that waited")
    assert user.usage()["used"] == 1


def test_a_message_that_waited_for_the_deletion_is_rejected(stack: Stack, user: User) -> None:
    """Both wait for the room's row. Red when a room deleted meanwhile accepts a message."""
    room = user.open_room()
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        with psycopg.connect(stack.database.url) as lock:
            lock.execute("SELECT FROM chatrooms WHERE id = %s FOR UPDATE", [uuid.UUID(room)])
            deleting = threads.submit(user.at(stack.base_url).http.delete, f"/chatroom/{room}")
            first = stack.database.wait_for_blocked("SELECT chatrooms")
            sending = threads.submit(user.at(stack.base_url).post, room, "Hello")
            stack.database.wait_for_blocked("(?s).*store_exchange", besides=first)
            lock.rollback()
        assert deleting.result().status_code == 204
        problem(sending.result(), 404, "chatroom_not_found")
    assert user.usage()["used"] == 0


def test_a_key_used_in_a_deleted_room_answers_not_found(user: User) -> None:
    room, key = user.open_room(), uuid.uuid4().hex
    ok(user.post(room, "Once", Idempotency_Key=key))
    _delete(user, room)
    problem(user.post(room, "Once", Idempotency_Key=key), 404, "chatroom_not_found")


def test_deleting_a_room_of_a_hundred_thousand_messages_is_quick(stack: Stack, user: User) -> None:
    """The request marks it; the worker erases in batches. Red when the request erases the rows."""
    room = user.open_room()
    stack.database.run(
        "INSERT INTO messages (id, chatroom_id, user_id, position, role, status, content, created_at,"
        " superseded, attempt, retries, losses)"
        " SELECT gen_random_uuid(), %s, %s, n, 'user', 'completed', md5(n::text), now(),"
        " false, 0, 0, 0 FROM generate_series(1, 100000) AS n",
        uuid.UUID(room),
        uuid.UUID(user.id),
    )
    _delete(user, room)
    assert _rows(stack, room) == 100_001
    problem(user.http.get(f"/chatroom/{room}"), 404, "chatroom_not_found")
    eventually(lambda: _rows(stack, room) == 0, seconds=120, what="the end of the erasure")
