"""Deleting an account closes it at once and leaves nothing that identifies the user."""

import concurrent.futures
import secrets
import signal
import uuid
from pathlib import Path

import pytest

from devtools.throwaway import throwaway_servers
from tests.support.follow_ups import room_row
from tests.support.leftovers import forms_of_id, forms_of_number, leftovers, log_lines
from tests.support.listener import Listener, events_address
from tests.support.stack import Stack
from tests.support.user import Json, User, client, ok, problem
from tests.support.waiting import eventually

pytestmark = pytest.mark.server_version

_SLOW = "[sandbox:pieces=300] [sandbox:pace=50]"


def _delete(user: User) -> Json:
    answer = user.http.delete("/user/me")
    assert answer.status_code == 202, answer.text
    body: Json = answer.json()
    return body


def _wait_until_erased(stack: Stack, user: User, *, seconds: float = 30) -> None:
    eventually(
        lambda: stack.database.rows("SELECT FROM deletions WHERE user_id = %s", user.id) == [],
        seconds=seconds,
        what="the end of the erasure",
    )


def _begin(user: User, content: str, **details: object) -> Json:
    reply: Json = ok(user.post(user.open_room(**details), content, Prefer="respond-async"))["reply"]
    return reply


def _sign_up_again(stack: Stack, number: str) -> User:
    with client(stack.base_url) as anyone:
        ok(anyone.post("/auth/signup", json={"mobile_number": number, "full_name": "Another user"}))
        otp = ok(anyone.post("/auth/send-otp", json={"mobile_number": number}))["otp"]
        tokens = ok(anyone.post("/auth/verify-otp", json={"mobile_number": number, "otp": otp}))
    return User(stack.base_url, number, tokens)


def _fill(stack: Stack, user: User, room: str, messages: int) -> None:
    """Insert completed replies after the room's last."""
    stack.database.run(
        "INSERT INTO messages (id, chatroom_id, user_id, position, role, status, content, created_at,"
        " reply_to, superseded, attempt, retries, losses)"
        " SELECT gen_random_uuid(), %s, %s, 1000 + n, 'model', 'completed', md5(n::text), now(),"
        " gen_random_uuid(), false, 1, 0, 0 FROM generate_series(1, %s) AS n",
        uuid.UUID(room),
        uuid.UUID(user.id),
        messages,
    )


def _messages(stack: Stack, user: User) -> int:
    count = stack.database.value("SELECT count(*) FROM messages WHERE user_id = %s", uuid.UUID(user.id))
    assert isinstance(count, int)
    return count


def test_a_deletion_leaves_nothing_that_identifies_the_user(stack: Stack, user: User) -> None:
    """Search every column, every Redis key and value, and the logs.

    Red without any one step: closing (number, name, password, code), messages, the account, the deletion's
    own row, and in Redis the events of replies, the room list, the day's count, the limit of requests.
    """
    mark = f"mark{secrets.token_hex(8)}"
    user.http.headers["User-Agent"] = f"Phone/{mark}"
    ok(user.http.patch("/user/me", json={"full_name": f"Name {mark}"}))
    otp = ok(user.http.post("/auth/send-otp", json={"mobile_number": user.mobile_number}))["otp"]
    signed_in = {"mobile_number": user.mobile_number, "otp": otp, "device_name": f"Phone of {mark}"}
    ok(user.http.post("/auth/verify-otp", json=signed_in))
    ok(user.http.post("/subscribe/pro"))
    stack.make_pro(user)
    stack.database.run("UPDATE users SET password_hash = %s WHERE id = %s", f"hash-{mark}", user.id)
    room = user.open_room(
        title=f"Title {mark}", description=f"About {mark}", system_instruction=f"Mind {mark}"
    )
    exchange = ok(user.post(room, f"Text {mark}", Idempotency_Key=f"key-{mark}"))
    ok(user.post(room, f"[sandbox:400] Text {mark}"))
    untitled = user.open_room()
    later = ok(user.post(untitled, f"Titled by words {mark}"))
    stack.database.run("UPDATE chatrooms SET summary = %s WHERE id = %s", f"In short {mark}", room)
    eventually(lambda: room_row(stack, untitled)["title_source"] == "gemini", what="a title by Gemini")
    assert mark in user.http.get("/chatroom").text
    assert stack.redis.exists(f"chatrooms:user:{user.id}")
    ok(user.http.post("/auth/send-otp", json={"mobile_number": user.mobile_number}))
    assert stack.redis.exists(f"limit:user:{user.id}")
    assert stack.redis.exists(f"limit:stripe:{user.id}")
    ids = {user.id, room, untitled, later["message"]["id"], later["reply"]["id"]}
    ids |= {exchange["message"]["id"], exchange["reply"]["id"]}
    personal = {mark, *forms_of_number(user.mobile_number)}
    marks = personal | {form for id_ in ids for form in forms_of_id(id_)}
    places = {place.partition(":")[0].split("user")[0] for place in leftovers(stack, marks)}
    assert len(places) > 15, f"the search finds too little: {places}"

    _delete(user)
    cleared_at_once = {f"name {mark}", f"hash-{mark}", *forms_of_number(user.mobile_number)}
    left_after_closing = leftovers(stack, cleared_at_once)
    _wait_until_erased(stack, user)

    assert left_after_closing == []
    assert leftovers(stack, marks) == []
    assert log_lines(stack, personal) == []


def test_deleting_needs_a_recent_sign_in(stack: Stack, user: User) -> None:
    stack.database.run(
        "UPDATE sessions SET created_at = now() - interval '601 seconds' WHERE user_id = %s", user.id
    )
    problem(user.http.delete("/user/me"), 403, "recent_sign_in_required")
    assert ok(user.http.get("/user/me"))["mobile_number"] == user.mobile_number
    assert stack.database.rows("SELECT FROM deletions WHERE user_id = %s", user.id) == []
    again = _sign_in(stack, user.mobile_number)
    assert _delete(again)["message"]


def _sign_in(stack: Stack, number: str) -> User:
    with client(stack.base_url) as anyone:
        otp = ok(anyone.post("/auth/send-otp", json={"mobile_number": number}))["otp"]
        tokens = ok(anyone.post("/auth/verify-otp", json={"mobile_number": number, "otp": otp}))
    return User(stack.base_url, number, tokens)


def test_every_session_ends_here_at_once_and_elsewhere_within_five_seconds(stack: Stack, user: User) -> None:
    """Red when sessions stay open, and when this process does not end them at once."""
    phone, elsewhere = _sign_in(stack, user.mobile_number), user.at(stack.start_api())
    for session in (user, phone, elsewhere):
        ok(session.http.get("/user/me/usage"))
    _delete(user)
    for session in (user, phone):
        problem(session.http.get("/chatroom"), 401, "authentication_required")
    eventually(
        lambda: elsewhere.http.get("/chatroom").status_code == 401, seconds=6, what="the end elsewhere"
    )
    stack.processes[-1].stop()


def test_a_process_with_a_stale_cache_stores_nothing_for_a_deleted_account(stack: Stack, user: User) -> None:
    """Red when the quota check and the charge do not require an open account."""
    elsewhere, room = user.at(stack.start_api()), user.open_room()
    ok(elsewhere.http.get("/user/me/usage"))
    _delete(user)
    problem(elsewhere.post(room, "Still there?"), 401, "authentication_required")
    problem(elsewhere.http.patch("/user/me", json={"full_name": "Back"}), 401, "authentication_required")
    assert _messages(stack, user) == 0
    stack.processes[-1].stop()


def test_concurrent_deletions_succeed_once_and_never_fail(stack: Stack, user: User) -> None:
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(lambda _: user.http.delete("/user/me").status_code, range(8)))
    assert statuses.count(202) == 1
    assert set(statuses) == {202, 401}
    _wait_until_erased(stack, user)


def test_the_number_is_free_at_once_and_keeps_its_daily_count(stack: Stack, user: User) -> None:
    """Red without the carried count, and when a sign-up does not restore it."""
    room = user.open_room()
    for number in range(3):
        ok(user.post(room, f"Message {number}"))
    _delete(user)
    again = _sign_up_again(stack, user.mobile_number)
    assert again.id != user.id
    assert ok(again.http.get("/chatroom"))["chatrooms"] == []
    assert (again.usage()["used"], again.usage()["remaining"]) == (3, 2)
    room = again.open_room()
    for number in range(2):
        ok(again.post(room, f"Message {number}"))
    problem(again.post(room, "One too many"), 429, "daily_limit_reached")
    _delete(again)
    third = _sign_up_again(stack, user.mobile_number)
    problem(third.post(third.open_room(), "One too many"), 429, "daily_limit_reached")
    digests = stack.database.rows("SELECT number_digest FROM carried_usage")
    assert all(user.mobile_number.encode() not in bytes(str(row).encode()) for row in digests)
    _wait_until_erased(stack, user)
    assert third.usage()["used"] == 5


def test_running_replies_are_cancelled_and_their_listeners_get_the_end(stack: Stack, user: User) -> None:
    """Red without the request to cancel: the call to Gemini continues for 15 seconds."""
    mark = secrets.token_hex(8)
    running = _begin(user, f"{_SLOW} {mark}")
    waiting = ok(user.post(running["chatroom_id"], f"behind {mark}", Prefer="respond-async"))["reply"]
    eventually(lambda: stack.calls(mark), what="a call to Gemini")
    listeners = [Listener(), Listener()]
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        running_listeners = [
            threads.submit(listener.listen, user, events_address(reply))
            for listener, reply in zip(listeners, (running, waiting), strict=True)
        ]
        eventually(
            lambda: "delta" in listeners[0].kinds and listeners[1].kinds, what="listeners that receive events"
        )
        _delete(user)
        eventually(
            lambda: stack.calls(mark)[0]["ended"] == "client_closed", seconds=2, what="the end of the call"
        )
        for listening in running_listeners:
            listening.result(5)
    assert [listener.kinds[-1] for listener in listeners] == ["end", "end"]
    assert [listener.events[-1].data["status"] for listener in listeners] == ["cancelled"] * 2
    assert len(stack.calls(mark)) == 1
    _wait_until_erased(stack, user)


def test_a_waiting_reply_is_refunded_to_the_carried_count(stack: Stack, user: User) -> None:
    mark = secrets.token_hex(8)
    running = _begin(user, f"{_SLOW} {mark}")
    ok(user.post(running["chatroom_id"], f"behind {mark}", Prefer="respond-async"))
    eventually(lambda: stack.calls(mark), what="a call to Gemini")
    _delete(user)
    assert _sign_up_again(stack, user.mobile_number).usage()["used"] == 1


@pytest.mark.slow
def test_100_000_messages_are_erased_although_the_worker_is_killed_midway(
    own_stack: Stack,
) -> None:
    """Red when the messages are erased in one transaction, with the account's row."""
    user = own_stack.user()
    rooms = [user.open_room() for _ in range(3)]
    for room in rooms:
        _fill(own_stack, user, room, 34_000)
    total = _messages(own_stack, user)
    doomed = own_stack.start_worker()
    _delete(user)
    eventually(lambda: 0 < _messages(own_stack, user) < total, what="the middle of the erasure")
    doomed.kill()
    assert 0 < _messages(own_stack, user) < total
    own_stack.start_worker()
    _wait_until_erased(own_stack, user, seconds=90)
    assert _messages(own_stack, user) == 0
    assert own_stack.database.rows("SELECT FROM users WHERE id = %s", user.id) == []


def test_a_worker_resumed_after_the_erasure_leaves_no_text(own_stack: Stack) -> None:
    """Red when a writer with an expired lease writes to Redis; in PostgreSQL it finds no row to update."""
    zombie, user, mark = own_stack.start_worker(), own_stack.user(), secrets.token_hex(8)
    reply = _begin(user, f"{_SLOW} {mark}")
    eventually(lambda: own_stack.redis.xlen(f"reply:{reply['id']}:events") > 2, what="some text")
    zombie.send(signal.SIGSTOP)
    own_stack.start_worker()
    _delete(user)
    _wait_until_erased(own_stack, user)
    zombie.send(signal.SIGCONT)
    eventually(
        lambda: "reply_lease_lost" in zombie.log or "reply_fenced_off" in zombie.log, what="the zombie's end"
    )
    assert leftovers(own_stack, [mark, user.id, reply["id"]]) == []


@pytest.mark.slow
def test_an_erasure_waits_while_redis_is_unavailable(tmp_path: Path) -> None:
    """Red when a failure of Redis is ignored: its keys stay, and the rows that name them are erased."""
    with throwaway_servers() as (postgres, valkey):
        product = Stack(database_url=postgres.url("postgres"), redis_url=valkey.url(), folder=tmp_path)
        with product.running() as stack:
            worker = stack.start_worker()
            user, mark = stack.user(), secrets.token_hex(8)
            reply = user.say(user.open_room(), mark)["reply"]
            stream = f"reply:{reply['id']}:events"
            assert stack.redis.exists(stream)
            _delete(user)
            valkey.stop()
            eventually(lambda: "erasure_interrupted" in worker.log, what="an erasure without Redis")
            assert stack.database.rows("SELECT FROM deletions WHERE user_id = %s", user.id) != []
            valkey.start()
            stack.redis.set("is", "there")
            _wait_until_erased(stack, user)
            assert leftovers(stack, [mark, user.id, reply["id"]]) == []


def test_an_erasure_leaves_other_users_data_unchanged(stack: Stack, user: User) -> None:
    other = stack.user()
    room = other.open_room(title="Stays")
    other.say(room, "Stay")
    before = other.http.get("/user/me/export").json()
    user.say(user.open_room(), "Go")
    _delete(user)
    _wait_until_erased(stack, user)
    after = other.http.get("/user/me/export").json()
    assert {**after, "exported_at": ""} == {**before, "exported_at": ""}
