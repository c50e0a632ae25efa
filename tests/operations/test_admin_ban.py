"""A banned account is refused everywhere within five seconds, and restored as fast."""

import concurrent.futures
import time
import uuid

import psycopg
import pytest

from tests.support.listener import Listener, events_address
from tests.support.operator import Operator, audit_rows
from tests.support.sessions import PASSWORD, give_password, log_in, refresh
from tests.support.stack import Stack
from tests.support.stripe import StripeSandbox
from tests.support.user import Json, User, client, ok, problem
from tests.support.waiting import SESSION_ENDS_WITHIN_SECONDS, eventually, let_pass

pytestmark = pytest.mark.server_version

_SUSPENDED = (403, "account_suspended")


@pytest.fixture
def operator(stack: Stack) -> Operator:
    return Operator(stack, "support", "read")


def _ban(operator: Operator, user: User) -> None:
    banned = ok(operator.act(user.id, "ban"))
    assert banned["banned_at"] is not None


def _unban(operator: Operator, user: User) -> None:
    assert ok(operator.undo(user.id, "ban"))["banned_at"] is None


def _begin(user: User, content: str) -> Json:
    reply: Json = ok(user.post(user.open_room(), content, Prefer="respond-async"))["reply"]
    return reply


def _status_of(stack: Stack, reply: Json) -> object:
    return stack.database.value("SELECT status FROM messages WHERE id = %s", reply["id"])


def _code(stack: Stack, number: str) -> str:
    with client(stack.base_url) as anyone:
        otp: str = ok(anyone.post("/auth/send-otp", json={"mobile_number": number}))["otp"]
        return otp


def test_a_ban_and_its_end_hold_on_every_process_within_five_seconds(
    stack: Stack, user: User, operator: Operator
) -> None:
    """Red when the session's lookup does not read the ban, and when the ban ends the sessions."""
    elsewhere = user.at(stack.start_api())
    for session in (user, elsewhere):
        ok(session.http.get("/user/me"))  # now cached as open
    _ban(operator, user)
    let_pass(SESSION_ENDS_WITHIN_SECONDS, since=time.monotonic())
    for session in (user, elsewhere):
        for method, address in (
            ("GET", "/user/me"),
            ("GET", "/chatroom"),
            ("POST", "/chatroom"),
            ("GET", "/subscription/status"),
            ("GET", "/user/me/export"),
            ("DELETE", "/user/me"),
            ("POST", "/auth/logout"),
        ):
            problem(session.http.request(method, address), *_SUSPENDED)
    _unban(operator, user)
    let_pass(SESSION_ENDS_WITHIN_SECONDS, since=time.monotonic())
    for session in (user, elsewhere):
        ok(session.http.get("/user/me"))
    assert [row["action"] for row in audit_rows(stack, user.id)] == ["user.banned", "user.unbanned"]


def test_a_banned_user_learns_it_only_with_proven_credentials(
    stack: Stack, user: User, operator: Operator
) -> None:
    """Red without the check in `SessionService.open`, without that of a refresh, and when either comes first.

    A code is sent as to everybody: only its receiver learns of the ban.
    """
    give_password(user)
    number, token = user.mobile_number, user.tokens["refresh_token"]
    _ban(operator, user)
    with client(stack.base_url) as anyone:
        otp = _code(stack, number)
        wrong = {"mobile_number": number, "otp": "000000" if otp != "000000" else "111111"}
        problem(anyone.post("/auth/verify-otp", json=wrong), 401, "otp_invalid")
        problem(anyone.post("/auth/verify-otp", json={"mobile_number": number, "otp": otp}), *_SUSPENDED)
        problem(anyone.post("/auth/signup", json={"mobile_number": number}), 409, "mobile_number_taken")
    problem(log_in(stack.base_url, number, "a wrong password"), 401, "credentials_invalid")
    problem(log_in(stack.base_url, number, PASSWORD), *_SUSPENDED)
    problem(refresh(stack.base_url, f"{token[:-4]}AAAA"), 401, "refresh_invalid")
    problem(refresh(stack.base_url, token), *_SUSPENDED)
    _unban(operator, user)
    ok(refresh(stack.base_url, token))
    ok(log_in(stack.base_url, number, PASSWORD))


def test_a_ban_cancels_running_and_waiting_replies_and_ends_their_streams(
    stack: Stack, user: User, operator: Operator
) -> None:
    """Red without the canceller in the ban."""
    mark = uuid.uuid4().hex
    running = _begin(user, f"[sandbox:pieces=400] [sandbox:pace=50] {mark}")
    waiting = ok(user.post(running["chatroom_id"], "Next", Prefer="respond-async"))["reply"]
    eventually(lambda: any(call["pieces_sent"] for call in stack.calls(mark)), what="some text")
    listener = Listener()
    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        listening = threads.submit(listener.listen, user, events_address(running))
        eventually(lambda: listener.text, what="text on the stream")
        _ban(operator, user)
        listening.result(timeout=30)
    assert listener.has_ended
    assert listener.events[-1].data["status"] == "cancelled"
    eventually(lambda: _status_of(stack, running) == "cancelled", what="the end of the running reply")
    assert _status_of(stack, waiting) == "cancelled"
    eventually(lambda: stack.calls(mark)[0]["ended"] == "client_closed", what="the end of the call to Gemini")


def test_a_message_sent_during_the_ban_is_not_stored(stack: Stack, user: User, operator: Operator) -> None:
    """The session is still cached as open.

    Red when storing a message does not check the ban under the lock on the account.
    """
    room = user.open_room()
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        with psycopg.connect(stack.database.url) as lock:
            lock.execute("SELECT FROM chatrooms WHERE id = %s FOR UPDATE", [room])
            sending = threads.submit(user.post, room, "Held at its room", Prefer="respond-async")
            stack.database.wait_for_blocked("(?s).*store_exchange")
            _ban(operator, user)
            lock.rollback()
        problem(sending.result(), *_SUSPENDED)
    assert stack.database.value("SELECT count(*) FROM messages WHERE chatroom_id = %s", room) == 0


def test_a_ban_waits_for_a_message_that_is_being_stored_and_cancels_its_reply(
    stack: Stack, user: User, operator: Operator
) -> None:
    """Red when the ban locks the account with a lock that a charge does not wait for."""
    rooms = [user.open_room(), user.open_room()]
    user.say(rooms[0], "Makes the row of the day")
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        with psycopg.connect(stack.database.url) as lock:
            lock.execute("SELECT FROM daily_usage WHERE user_id = %s FOR UPDATE", [user.id])
            sending = threads.submit(
                user.post, rooms[1], "[sandbox:hang] Held at the day", Prefer="respond-async"
            )
            first = stack.database.wait_for_blocked("(?s).*store_exchange")
            banning = threads.submit(_ban, operator, user)
            stack.database.wait_for_blocked("(?s).*users.*FOR UPDATE", besides=first)
            lock.rollback()
        reply = ok(sending.result())["reply"]
        banning.result()
    eventually(lambda: _status_of(stack, reply) == "cancelled", what="the end of the reply")


def test_a_reply_regenerated_during_the_ban_is_not_stored(
    stack: Stack, user: User, operator: Operator
) -> None:
    """Red when the charge of a day does not check the ban."""
    room = user.open_room()
    reply = user.say(room, "Hello")["reply"]
    address = f"/chatroom/{room}/message/{reply['id']}/regenerate"
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        with psycopg.connect(stack.database.url) as lock:
            lock.execute("SELECT FROM chatrooms WHERE id = %s FOR UPDATE", [room])
            sending = threads.submit(user.http.post, address, headers={"Prefer": "respond-async"})
            stack.database.wait_for_blocked("(?s).*chatrooms.*FOR UPDATE")
            _ban(operator, user)
            lock.rollback()
        problem(sending.result(), *_SUSPENDED)
    assert stack.database.value("SELECT count(*) FROM messages WHERE chatroom_id = %s", room) == 2


def test_ended_sessions_are_refused_on_every_process_and_signing_in_works(
    stack: Stack, user: User, operator: Operator
) -> None:
    give_password(user)
    elsewhere = user.at(stack.start_api())
    ok(elsewhere.http.get("/user/me"))
    ended = ok(operator.http.post(f"/admin/users/{user.id}/end-sessions"))
    assert ended == {"ended": 1}
    problem(user.http.get("/user/me"), 401, "authentication_required")
    let_pass(SESSION_ENDS_WITHIN_SECONDS, since=time.monotonic())
    problem(elsewhere.http.get("/user/me"), 401, "authentication_required")
    ok(log_in(stack.base_url, user.mobile_number, PASSWORD))


def test_stripe_events_of_a_banned_user_are_processed(
    stripe: StripeSandbox, user: User, operator: Operator
) -> None:
    subscription = stripe.subscribe(user.id)
    stripe.tell(subscription)
    _ban(operator, user)
    shown = ok(operator.http.get(f"/admin/users/{user.id}"))
    assert (shown["plan"], shown["plan_sources"]) == ("pro", ["subscription"])
    stripe.cancel(subscription)
    [*_, ended] = stripe.events(subscription)
    assert stripe.send(ended).status_code == 200
    stripe.outcome(ended)
    assert ok(operator.http.get(f"/admin/users/{user.id}"))["plan"] == "basic"
