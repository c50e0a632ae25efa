"""A message is refunded only if nothing was generated, and only so many times a day."""

import concurrent.futures
import datetime as dt
import signal
import uuid
from collections.abc import Sequence

import httpx
import pytest

from app.services.usage.quota import REFUNDS_PER_MESSAGE
from tests.support.stack import Stack
from tests.support.user import Json, User, client, ok
from tests.support.waiting import eventually

pytestmark = pytest.mark.server_version

_LIMIT = 5
_MAX_REFUNDS = REFUNDS_PER_MESSAGE * _LIMIT
_TODAY = dt.timedelta()


def _day(stack: Stack, user: User, back: dt.timedelta = _TODAY) -> Json:
    day = dt.datetime.now(dt.UTC).date() - back
    [row] = stack.database.rows("SELECT * FROM daily_usage WHERE user_id = %s AND day = %s", user.id, day)
    return row


def _set_refunds(stack: Stack, user: User, refunds: int) -> None:
    """Set the number of messages that the day has refunded."""
    stack.database.run("UPDATE daily_usage SET refunds = %s WHERE user_id = %s", refunds, user.id)


def _begin(user: User, room: str, content: str) -> Json:
    reply: Json = ok(user.post(room, content, Prefer="respond-async"))["reply"]
    return reply


def _cancel(user: User, reply: Json) -> None:
    ok(user.http.post(f"/chatroom/{reply['chatroom_id']}/message/{reply['id']}/cancel"))


def _hang(stack: Stack, user: User, rooms: Sequence[str]) -> list[Json]:
    """Begin a reply in each room; its call to Gemini hangs before the first word."""
    mark = uuid.uuid4().hex
    replies = [_begin(user, room, f"[sandbox:hang] {mark} {place}") for place, room in enumerate(rooms)]
    eventually(lambda: len(stack.calls(mark)) == len(rooms), what="calls to Gemini")
    return replies


def _used_once_settled(user: User, replies: Sequence[Json]) -> int:
    for reply in replies:
        user.wait_for(reply)
    return int(user.usage()["used"])


@pytest.mark.parametrize(
    ("directive", "status", "is_shown"),
    [
        ("[sandbox:safety]", "blocked", True),
        ("[sandbox:recitation]", "blocked", True),
        ("[sandbox:thinking-only]", "failed", False),
        ("[sandbox:cut*1] [sandbox:400]", "failed", False),
        ("[sandbox:cut*1] [sandbox:prompt-blocked]", "blocked", False),
    ],
)
def test_a_reply_with_output_is_not_refunded(
    user: User, directive: str, status: str, *, is_shown: bool
) -> None:
    """Red when every failed or blocked reply is free, and when only the last attempt's text counts."""
    reply = user.say(user.open_room(), f"{directive} {uuid.uuid4().hex}")["reply"]
    assert (reply["status"], reply["content"] != "") == (status, is_shown)
    assert user.usage()["used"] == 1


def test_a_reply_cancelled_before_its_retry_is_not_refunded_after_text(stack: Stack, user: User) -> None:
    """Red when a cancel checks the stored text: the retry has emptied it."""
    room, mark = user.open_room(), uuid.uuid4().hex
    reply = _begin(user, room, f"[sandbox:cut*1] [sandbox:429] {mark}")
    query = "SELECT retries FROM messages WHERE id = %s AND status = 'pending'"
    eventually(
        lambda: any(row["retries"] == 2 for row in stack.database.rows(query, uuid.UUID(reply["id"]))),
        what="the wait for the second retry",
    )
    _cancel(user, reply)
    ended = user.wait_for(reply)
    assert (ended["status"], ended["content"]) == ("cancelled", "")
    assert user.usage()["used"] == 1


def test_a_day_refunds_three_times_the_limit(stack: Stack, user: User) -> None:
    """Red without the count of refunds: the model could be called without limit."""
    room = user.open_room()
    for number in range(_MAX_REFUNDS + 2):
        reply = user.say(room, f"[sandbox:400] {number} {uuid.uuid4().hex}")["reply"]
        assert reply["status"] == "failed"
        assert user.usage()["used"] == max(number + 1 - _MAX_REFUNDS, 0)
    assert _day(stack, user)["refunds"] == _MAX_REFUNDS


@pytest.mark.parametrize("is_running", [True, False])
def test_concurrent_cancels_get_exactly_the_refunds_that_are_left(
    stack: Stack,
    own_stack: Stack,
    is_running: bool,  # noqa: FBT001  # pytest's
) -> None:
    """Red when the count is read and written in two steps; a worker's refunds and the API's are one count."""
    its_stack = stack if is_running else own_stack
    user = its_stack.user()
    rooms = [user.open_room() for _ in range(_LIMIT)]
    if is_running:
        replies = _hang(its_stack, user, rooms)
    else:
        replies = [_begin(user, room, "Without a worker") for room in rooms]
    _set_refunds(its_stack, user, _MAX_REFUNDS - 2)
    with concurrent.futures.ThreadPoolExecutor(_LIMIT) as threads:
        list(threads.map(lambda reply: _cancel(user, reply), replies))
    assert _used_once_settled(user, replies) == _LIMIT - 2
    assert _day(its_stack, user)["refunds"] == _MAX_REFUNDS


def test_a_deleted_room_refunds_no_more_than_is_left(own_stack: Stack) -> None:
    """Red when replies that end in one transaction are refunded once or without a limit."""
    user = own_stack.user()
    room = user.open_room()
    for number in range(_LIMIT):
        _begin(user, room, f"Message {number}")
    _set_refunds(own_stack, user, _MAX_REFUNDS - 3)
    assert user.http.delete(f"/chatroom/{room}").status_code == 204
    assert (user.usage()["used"], _day(own_stack, user)["refunds"]) == (_LIMIT - 3, _MAX_REFUNDS)


def test_on_pro_every_reply_without_output_is_refunded(stack: Stack, pro: User) -> None:
    """Pro is counted, never limited: neither are its refunds."""
    room = pro.open_room()
    ok(pro.post(room, "This one counts"))
    _set_refunds(stack, pro, _MAX_REFUNDS)
    assert pro.say(room, f"[sandbox:400] {uuid.uuid4().hex}")["reply"]["status"] == "failed"
    assert pro.usage()["used"] == 1


def test_a_refund_goes_to_the_day_that_was_charged(stack: Stack, user: User) -> None:
    """Red when the refund goes to the day on which the reply ends."""
    yesterday = dt.timedelta(days=1)
    [reply] = _hang(stack, user, [user.open_room()])
    charged_on = dt.datetime.now(dt.UTC).date() - yesterday
    stack.database.run(
        "UPDATE messages SET charged_on = %s WHERE id = %s", charged_on, uuid.UUID(reply["id"])
    )
    stack.database.run(
        "INSERT INTO daily_usage (user_id, day, used, input_tokens, output_tokens) VALUES (%s, %s, 3, 0, 0)",
        user.id,
        charged_on,
    )
    _cancel(user, reply)
    user.wait_for(reply)
    assert [_day(stack, user, yesterday)[name] for name in ("used", "refunds")] == [2, 1]
    assert [_day(stack, user)[name] for name in ("used", "refunds")] == [1, 0]


def test_a_new_account_has_the_refunds_of_its_number(stack: Stack, user: User) -> None:
    """Red when only the count is carried over: deleting the account would reset the refunds."""
    room = user.open_room()
    reply = user.say(room, f"[sandbox:400] {uuid.uuid4().hex}")["reply"]
    assert (reply["status"], user.usage()["used"]) == ("failed", 0)
    _set_refunds(stack, user, _MAX_REFUNDS)
    assert user.http.delete("/user/me").status_code == 202
    number = {"mobile_number": user.mobile_number}
    with client(stack.base_url) as anyone:
        ok(anyone.post("/auth/signup", json=number))
        otp = ok(anyone.post("/auth/send-otp", json=number))["otp"]
        tokens = ok(anyone.post("/auth/verify-otp", json={**number, "otp": otp}))
    again = User(stack.base_url, user.mobile_number, tokens)
    assert again.usage()["used"] == 0
    failed = again.say(again.open_room(), f"[sandbox:400] {uuid.uuid4().hex}")["reply"]
    assert (failed["status"], again.usage()["used"]) == ("failed", 1)


def test_a_reply_with_text_of_a_lost_worker_is_not_refunded_when_the_retry_fails(own_stack: Stack) -> None:
    """Red when a renewal saves the text alone: the next claim empties it, without a trace."""
    doomed = own_stack.start_worker()
    user, mark = own_stack.user(), uuid.uuid4().hex
    held = {"contains": mark, "after_pieces": 3}
    httpx.post(f"{own_stack.sandbox_url}/sandbox/hold", json=held).raise_for_status()
    reply = _begin(user, user.open_room(), f"[sandbox:cut=30*1] [sandbox:400] {mark}")
    query = "SELECT 1 FROM messages WHERE id = %s AND content <> ''"
    eventually(lambda: own_stack.database.rows(query, uuid.UUID(reply["id"])), what="text in the row")
    doomed.send(signal.SIGKILL)
    httpx.post(f"{own_stack.sandbox_url}/sandbox/release", json={"contains": mark}).raise_for_status()
    own_stack.start_worker()
    ended = user.wait_for(reply)
    assert (ended["status"], ended["content"]) == ("failed", "")
    assert user.usage()["used"] == 1
