"""Operators list, show, retry and cancel replies on the command line, and repair what a wrong key broke."""

import uuid

import pytest

from devtools.ports import free_port
from tests.support.cli import cli, cli_json
from tests.support.stack import Stack
from tests.support.user import Json, User, ok
from tests.support.waiting import eventually

pytestmark = pytest.mark.server_version

_REPLIES = "SELECT status, superseded, charged_on IS NOT NULL AS charged FROM messages WHERE role = 'model'"


def _post(user: User, room: str, content: str) -> Json:
    reply: Json = ok(user.post(room, content, Prefer="respond-async"))["reply"]
    return reply


def _audit(stack: Stack) -> list[tuple[object, ...]]:
    rows = stack.database.rows("SELECT actor, action, subject_id FROM audit_log ORDER BY at, id")
    return [tuple(row.values()) for row in rows]


def test_replies_that_a_wrong_key_broke_are_answered_after_it_is_right(own_stack: Stack) -> None:
    """Red if a retry is charged, if the old reply is not superseded, or if no audit row is written."""
    wrong = own_stack.start_worker(GEMINI_API_KEY="bad-key")
    users = [own_stack.user() for _ in range(3)]
    posted = [_post(user, user.open_room(), f"Question {number}") for number, user in enumerate(users)]
    failed = [user.wait_for(reply) for user, reply in zip(users, posted, strict=True)]
    assert {(reply["status"], reply["error"]["code"]) for reply in failed} == {
        ("failed", "model_not_configured")
    }
    assert [user.usage()["used"] for user in users] == [0, 0, 0]
    wrong.stop()
    own_stack.start_worker()

    listed = cli_json(own_stack, "replies", "list", "--status", "failed", "--since", "1h")["replies"]
    assert {reply["id"] for reply in listed} == {reply["id"] for reply in posted}
    assert all(reply["error_code"] == "model_not_configured" and reply["is_latest"] for reply in listed)
    other = cli_json(
        own_stack, "replies", "retry", "--failed-since", "1h", "--error", "model_timeout", "--yes"
    )
    assert other == {"retried": [], "failed": [], "skipped": 0}
    unconfirmed = cli(own_stack, "replies", "retry", "--failed-since", "1h", code=2)
    assert "Retry 3 replies? Confirm it with --yes." in unconfirmed.err

    command = ("replies", "retry", "--failed-since", "1h", "--error", "model_not_configured", "--yes")
    retried = cli_json(own_stack, *command)["retried"]
    assert {each["outcome"] for each in retried} == {"regenerated"}
    new = {each["retried_id"]: each["reply_id"] for each in retried}
    for user, reply in zip(users, posted, strict=True):
        answered = user.wait_for({**reply, "id": new[reply["id"]]})
        assert (answered["status"], answered["reply_to"]) == ("completed", reply["reply_to"])
        old = ok(user.http.get(f"/chatroom/{reply['chatroom_id']}/message/{reply['id']}"))
        assert (old["status"], old["superseded"]) == ("failed", True)
    assert [user.usage()["used"] for user in users] == [0, 0, 0]
    assert _audit(own_stack) == [("cli:ada", "reply.retried", reply["id"]) for reply in posted]
    assert cli_json(own_stack, *command) == {"retried": [], "failed": [], "skipped": 0}
    assert len(own_stack.database.rows(_REPLIES)) == 6


def test_a_reply_that_broke_off_keeps_its_one_charge_over_a_retry(stack: Stack, user: User) -> None:
    """Red if a retry is charged."""
    mark = uuid.uuid4().hex
    failed = user.say(user.open_room(), f"[sandbox:cut*4] {mark}")["reply"]
    assert failed["status"] == "failed"
    charges = user.usage()["used"]
    [retried] = cli_json(stack, "replies", "retry", failed["id"])["retried"]
    answered = user.wait_for({**failed, "id": retried["reply_id"]})
    assert answered["status"] == "completed"
    assert user.usage()["used"] == charges <= 1


def test_only_the_newest_reply_of_a_room_is_retried_and_no_answered_one(own_stack: Stack) -> None:
    """Red without the check of the position, and of the status."""
    own_stack.start_worker()
    user = own_stack.user()
    room = user.open_room()
    older = user.say(room, "[sandbox:400]")["reply"]
    newest = user.say(room, "Hello")["reply"]
    assert (older["status"], newest["status"]) == ("failed", "completed")
    refused = cli_json(own_stack, "replies", "retry", older["id"], newest["id"], code=1)
    assert refused["retried"] == []
    codes = {each["id"]: each["code"] for each in refused["failed"]}
    assert codes == {older["id"]: "not_latest", newest["id"]: "reply_not_retryable"}
    unknown = str(uuid.uuid4())
    missing = cli_json(own_stack, "replies", "retry", unknown, code=1)
    assert missing["failed"][0]["code"] == "reply_not_found"
    batch = cli_json(own_stack, "replies", "retry", "--failed-since", "1h", "--yes")
    assert batch == {"retried": [], "failed": [], "skipped": 1}


def test_a_waiting_reply_is_due_at_once_with_all_its_retries(own_stack: Stack) -> None:
    user = own_stack.user()
    reply = _post(user, user.open_room(), "Hello")
    own_stack.database.run(
        "UPDATE messages SET retries = 3, next_attempt_at = now() + interval '1 hour' WHERE id = %s",
        reply["id"],
    )
    own_stack.start_worker()
    [retried] = cli_json(own_stack, "replies", "retry", reply["id"])["retried"]
    assert (retried["outcome"], retried["reply_id"]) == ("due", reply["id"])
    assert user.wait_for(reply)["status"] == "completed"
    row = "SELECT retries FROM messages WHERE id = %s"
    assert own_stack.database.value(row, reply["id"]) == 0
    assert user.usage()["used"] == 1


def test_waiting_and_running_replies_are_cancelled_with_redis_away(own_stack: Stack) -> None:
    """Red if a cancellation waits for Redis, or forgets the running one."""
    user, mark = own_stack.user(), uuid.uuid4().hex
    own_stack.start_worker()
    room = user.open_room()
    running = _post(user, room, f"[sandbox:pieces=600] [sandbox:pace=50] {mark}")
    waiting = _post(user, room, "Hello")
    eventually(lambda: any(call["pieces_sent"] for call in own_stack.calls(mark)), what="some text")
    away = {"REDIS_URL": f"redis://127.0.0.1:{free_port()}/0"}
    away["CELERY_BROKER_URL"] = away["REDIS_URL"]
    found = cli_json(own_stack, "replies", "cancel", waiting["id"], running["id"], env=away)
    assert {each["reply_id"]: each["outcome"] for each in found["replies"]} == {
        waiting["id"]: "cancelled",
        running["id"]: "requested",
    }
    assert user.wait_for(running)["status"] == user.wait_for(waiting)["status"] == "cancelled"
    again = cli_json(own_stack, "replies", "cancel", running["id"])["replies"]
    assert again == [{"reply_id": running["id"], "outcome": "already_ended"}]
    acts = [("cli:ada", "reply.cancelled", reply["id"]) for reply in (waiting, running)]
    assert _audit(own_stack) == acts


def test_all_replies_to_a_user_are_cancelled(own_stack: Stack) -> None:
    user, other = own_stack.user(), own_stack.user()
    replies = [_post(user, user.open_room(), "Hello") for _ in range(3)]
    kept = _post(other, other.open_room(), "Hello")
    found = cli_json(own_stack, "replies", "cancel", "--user", user.id)["user"]
    assert found == {"user_id": user.id, "cancelled": 3, "requested": 0}
    assert {user.wait_for(reply)["status"] for reply in replies} == {"cancelled"}
    pending = cli_json(own_stack, "replies", "list", "--status", "pending")["replies"]
    assert [reply["id"] for reply in pending] == [kept["id"]]
    assert user.usage()["used"] == 0
    assert _audit(own_stack) == [("cli:ada", "user.replies_cancelled", user.id)]
    of_user = cli_json(own_stack, "replies", "list", "--user", user.id)["replies"]
    assert {reply["id"] for reply in of_user} == {reply["id"] for reply in replies}


def test_texts_are_shown_with_a_reason_only_and_each_access_is_recorded(stack: Stack, user: User) -> None:
    """Red if the texts are shown without an audit row."""
    mark = uuid.uuid4().hex
    exchange = user.say(user.open_room(), f"A secret: {mark}")
    reply_id = exchange["reply"]["id"]
    plain = cli(stack, "replies", "show", reply_id)
    assert mark not in plain.out
    assert exchange["reply"]["content"] not in plain.out
    refused = cli(stack, "replies", "show", reply_id, "--text", code=2)
    assert "--reason" in refused.err
    shown = cli_json(stack, "replies", "show", reply_id, "--text", "--reason", "case 4711")["reply"]
    assert shown["message_text"] == f"A secret: {mark}"
    assert shown["reply_text"] == exchange["reply"]["content"]
    acts = cli_json(stack, "audit", "list", "--user", user.id)["entries"]
    assert {(each["action"], each["reason"]) for each in acts} == {("message.text_read", "case 4711")}
    assert {each["subject_id"] for each in acts} == {reply_id, exchange["message"]["id"]}
