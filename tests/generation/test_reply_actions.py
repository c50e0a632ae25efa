"""Cancelling and regenerating replies."""

import datetime as dt
import uuid

import pytest

from tests.support.listener import Listener, events_address
from tests.support.rooms import untrue_rooms
from tests.support.stack import Stack
from tests.support.user import Json, User, ok, problem
from tests.support.waiting import eventually

pytestmark = pytest.mark.server_version


def _begin(user: User, room: str, content: str) -> Json:
    reply: Json = ok(user.post(room, content, Prefer="respond-async"))["reply"]
    return reply


def _address(reply: Json, action: str) -> str:
    return f"/chatroom/{reply['chatroom_id']}/message/{reply['id']}/{action}"


def _cancel(user: User, reply: Json) -> Json:
    return ok(user.http.post(_address(reply, "cancel")))


def test_a_reply_cancelled_while_streaming_keeps_its_text(stack: Stack, user: User) -> None:
    mark = uuid.uuid4().hex
    reply = _begin(user, user.open_room(), f"[sandbox:pieces=300] [sandbox:pace=50] {mark}")
    eventually(lambda: any(call["pieces_sent"] for call in stack.calls(mark)), what="some text")
    elsewhere = user.at(stack.start_api())
    asked_at = dt.datetime.now(dt.UTC)
    cancelled = _cancel(elsewhere, reply)
    assert cancelled["status"] == "cancelled"
    assert cancelled["content"] != ""
    eventually(lambda: stack.calls(mark)[0]["ended"] == "client_closed", what="the end of the call to Gemini")
    ended_at = dt.datetime.fromisoformat(str(stack.calls(mark)[0]["ended_at"]))
    assert (ended_at - asked_at).total_seconds() < 1
    assert user.usage()["used"] == 1
    assert _cancel(user, reply) == cancelled
    listener = Listener()
    listener.listen(user, events_address(reply))
    assert listener.text == cancelled["content"]


def test_a_reply_cancelled_before_the_first_token_is_not_charged(stack: Stack, user: User) -> None:
    mark = uuid.uuid4().hex
    reply = _begin(user, user.open_room(), f"[sandbox:hang] {mark}")
    eventually(lambda: stack.calls(mark), what="a call to Gemini")
    cancelled = _cancel(user, reply)
    assert (cancelled["status"], cancelled["content"]) == ("cancelled", "")
    assert user.usage()["used"] == 0
    eventually(lambda: stack.calls(mark)[0]["ended"] == "client_closed", what="the end of the call to Gemini")


def test_a_waiting_reply_is_cancelled_and_the_next_one_is_generated(stack: Stack, user: User) -> None:
    room, mark = user.open_room(), uuid.uuid4().hex
    first = _begin(user, room, f"[sandbox:wait=2] first {mark}")
    second = _begin(user, room, f"second {mark}")
    third = _begin(user, room, f"third {mark}")
    assert _cancel(user, second)["status"] == "cancelled"
    assert user.wait_for(third)["status"] == "completed"
    assert user.wait_for(first)["status"] == "completed"
    assert stack.calls(f"second {mark}") == []
    assert user.usage()["used"] == 2


def test_a_reply_waiting_for_its_retry_is_cancelled(stack: Stack, user: User) -> None:
    mark = uuid.uuid4().hex
    reply = _begin(user, user.open_room(), f"[sandbox:429] {mark}")
    reply_id = uuid.UUID(reply["id"])
    query = "SELECT retries FROM messages WHERE id = %s AND status = 'pending'"
    eventually(lambda: any(row["retries"] for row in stack.database.rows(query, reply_id)), what="a retry")
    assert _cancel(user, reply)["status"] == "cancelled"
    assert user.usage()["used"] == 0


def test_cancelling_a_finished_reply_changes_nothing(user: User) -> None:
    reply = user.say(user.open_room(), "Hello")["reply"]
    assert _cancel(user, reply) == reply


def test_a_cancelled_reply_with_text_stays_in_the_context(stack: Stack, user: User) -> None:
    room, mark = user.open_room(), uuid.uuid4().hex
    reply = _begin(user, room, f"[sandbox:pieces=300] [sandbox:pace=50] {mark}")
    eventually(lambda: any(call["pieces_sent"] for call in stack.calls(mark)), what="some text")
    kept = _cancel(user, reply)["content"]
    after = uuid.uuid4().hex
    user.say(room, f"Go on {after}")
    [call] = stack.calls(after)
    assert call["contents"][1]["parts"][0]["text"] == kept


def test_regenerating_removes_the_old_reply_from_the_context(stack: Stack, user: User) -> None:
    room = user.open_room()
    old = user.say(room, "Tell me something")["reply"]
    answer = user.http.post(_address(old, "regenerate"))
    assert answer.status_code == 201
    new = answer.json()["reply"]
    assert (new["reply_to"], new["status"], new["superseded"]) == (old["reply_to"], "completed", False)
    assert answer.json()["quota"]["used"] == 2
    seen = ok(user.http.get(f"/chatroom/{room}"))
    assert [(line["id"], line["superseded"]) for line in seen["messages"][1:]] == [
        (old["id"], True),
        (new["id"], False),
    ]
    assert seen["message_count"] == 3
    after = uuid.uuid4().hex
    user.say(room, after)
    [call] = stack.calls(after)
    texts = [turn["parts"][0]["text"] for turn in call["contents"]]
    assert texts == ["Tell me something", new["content"], after]


def test_only_the_newest_reply_can_be_regenerated(user: User) -> None:
    room = user.open_room()
    first = user.say(room, "First")
    user.say(room, "Second")
    problem(user.http.post(_address(first["reply"], "regenerate")), 409, "not_latest")
    problem(user.http.post(_address(first["message"], "regenerate")), 404, "message_not_found")


def test_an_unfinished_reply_cannot_be_regenerated(user: User) -> None:
    reply = _begin(user, user.open_room(), "[sandbox:wait=2] Wait")
    problem(user.http.post(_address(reply, "regenerate")), 409, "reply_in_progress")
    user.wait_for(reply)


def test_regenerating_is_repeatable_by_key_and_counts_once(user: User) -> None:
    room, key = user.open_room(), uuid.uuid4().hex
    exchange = user.say(room, "Hello")
    address = _address(exchange["reply"], "regenerate")
    first = user.http.post(address, headers={"Idempotency-Key": key})
    again = user.http.post(address, headers={"Idempotency-Key": key})
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json()["reply"] == first.json()["reply"]
    assert user.usage()["used"] == 2
    problem(user.post(room, "Hello", Idempotency_Key=key), 409, "idempotency_key_reused")


def test_a_messages_key_returns_its_first_reply_also_after_a_regeneration(
    user: User,
) -> None:
    room, key = user.open_room(), uuid.uuid4().hex
    first = user.post(room, "Hello", Idempotency_Key=key).json()["reply"]
    user.http.post(_address(first, "regenerate"))
    again = user.post(room, "Hello", Idempotency_Key=key)
    assert again.json()["reply"]["id"] == first["id"]


@pytest.mark.parametrize("action", ["cancel", "regenerate"])
def test_a_users_message_is_not_a_reply(user: User, action: str) -> None:
    message = user.say(user.open_room(), "Hello")["message"]
    problem(user.http.post(_address(message, action)), 404, "message_not_found")


def test_a_room_counts_its_messages_however_their_replies_end(stack: Stack, user: User) -> None:
    """Red when a regenerated reply is not counted. tests/faults compare the same after every fault."""
    stack.make_pro(user)
    room, empty = user.open_room(), user.open_room()
    for content in ("Fine", "[sandbox:400] failed", "[sandbox:safety] blocked", "[sandbox:max-tokens] cut"):
        user.say(room, content)
    begun = _begin(user, room, "[sandbox:pieces=300] [sandbox:pace=50] in the middle")
    queued = _begin(user, room, "queued")
    for reply in (queued, begun):
        _cancel(user, reply)
    cancelled = user.wait_for(queued)
    for _ in range(2):
        answer = user.http.post(_address(cancelled, "regenerate"), headers={"Prefer": "wait=60"})
        cancelled = ok(answer)["reply"]
    problem(user.http.post(_address(begun, "regenerate")), 409, "not_latest")
    problem(user.post(room, "  "), 400, "validation_failed")
    assert ok(user.http.get(f"/chatroom/{room}"))["message_count"] == 6 * 2 + 2
    assert ok(user.http.get(f"/chatroom/{empty}"))["message_count"] == 0
    assert untrue_rooms(stack.database, [user.id]) == []
