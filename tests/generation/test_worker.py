"""The worker as a process: killed, stopped, with one slot, and without Redis."""

import signal
import uuid
from pathlib import Path

import httpx
import pytest

from devtools.ports import free_port
from devtools.throwaway import throwaway_servers
from tests.conftest import Servers
from tests.support.stack import Stack
from tests.support.user import User, ok
from tests.support.waiting import eventually


def _reply(user: User, content: str) -> dict[str, object]:
    room = user.open_room()
    reply: dict[str, object] = ok(user.post(room, content, Prefer="respond-async"))["reply"]
    return reply


def _row(stack: Stack, reply: dict[str, object]) -> dict[str, object]:
    return stack.database.rows("SELECT * FROM messages WHERE id = %s", uuid.UUID(str(reply["id"])))[0]


def test_a_reply_survives_a_killed_worker(own_stack: Stack) -> None:
    """Red without the poll for expired leases: the reply stays `generating`."""
    first = own_stack.start_worker()
    user = own_stack.user()
    reply = _reply(user, "[sandbox:pieces=80] [sandbox:pace=50] A long answer")
    eventually(lambda: own_stack.calls("A long answer"), what="a call to Gemini")
    first.kill()
    own_stack.start_worker()
    ended = user.wait_for(reply)
    row = _row(own_stack, reply)
    assert (ended["status"], row["attempt"], row["losses"], row["retries"]) == ("completed", 2, 1, 0)
    assert user.usage()["used"] == 1


def test_a_message_sent_while_no_worker_runs_is_answered_when_one_starts(own_stack: Stack) -> None:
    user = own_stack.user()
    reply = _reply(user, "Anybody there?")
    assert ok(own_stack.user().http.get("/health"))["status"] == "degraded"
    own_stack.start_worker()
    assert user.wait_for(reply)["status"] == "completed"


def test_the_clients_worker_command_with_one_slot_answers_all_messages(own_stack: Stack) -> None:
    own_stack.start_worker("--pool=solo")
    user = own_stack.user()
    replies = [_reply(user, f"Question {number}") for number in range(5)]
    assert [user.wait_for(reply)["status"] for reply in replies] == ["completed"] * 5


def test_a_stopping_worker_finishes_its_replies(own_stack: Stack) -> None:
    worker = own_stack.start_worker()
    user = own_stack.user()
    reply = _reply(user, "[sandbox:pieces=40] [sandbox:pace=50] Before you go")
    eventually(lambda: own_stack.calls("Before you go"), what="a call to Gemini")
    assert worker.stop() == 0
    row = _row(own_stack, reply)
    assert (row["status"], row["attempt"], row["losses"]) == ("completed", 1, 0)


@pytest.mark.parametrize("pool", ["threads", "solo"])
def test_a_worker_releases_its_reply_when_the_grace_period_ends(own_stack: Stack, pool: str) -> None:
    worker = own_stack.start_worker(f"--pool={pool}", SHUTDOWN_GRACE_SECONDS="1")
    user = own_stack.user()
    reply = _reply(user, "[sandbox:pieces=200] [sandbox:pace=100] For a long time")
    eventually(lambda: own_stack.calls("For a long time"), what="a call to Gemini")
    assert worker.stop(seconds=20) == 0
    row = _row(own_stack, reply)
    assert (row["status"], row["losses"], row["retries"], row["lease_token"]) == ("pending", 1, 0, None)
    [call] = own_stack.calls("For a long time")
    eventually(
        lambda: own_stack.calls("For a long time")[0]["ended"] == "client_closed", what="a closed call"
    )
    assert call["id"]


def test_a_frozen_worker_that_resumes_after_its_lease_writes_nothing(own_stack: Stack) -> None:
    """Red without the lease token in the write: the former worker overwrites the new one's reply."""
    frozen = own_stack.start_worker()
    user = own_stack.user()
    reply = _reply(user, "[sandbox:pieces=40] [sandbox:pace=50] Two of us")
    eventually(lambda: own_stack.calls("Two of us"), what="a call to Gemini")
    frozen.send(signal.SIGSTOP)
    own_stack.start_worker()
    ended = user.wait_for(reply)
    frozen.send(signal.SIGCONT)
    eventually(
        lambda: "reply_lease_lost" in frozen.log or "reply_fenced_off" in frozen.log,
        what="the end of the frozen worker's attempt",
    )
    assert user.wait_for(reply) == ended
    assert _row(own_stack, reply)["attempt"] == 2


def test_messages_are_answered_while_redis_is_unavailable(servers: Servers, tmp_path: Path) -> None:
    with throwaway_servers() as (_, valkey):
        product = Stack(database_url=servers.database_url, redis_url=valkey.url(), folder=tmp_path)
        with product.running() as stack:
            stack.start_worker()
            user = stack.user()
            room = user.open_room()
            valkey.stop()
            exchange = user.say(room, "Is Redis there?")
            assert exchange["reply"]["status"] == "completed"
            assert ok(user.http.get("/health"))["status"] == "degraded"
            assert ok(user.http.get("/chatroom"))["chatrooms"][0]["id"] == room
            answer = user.http.post("/auth/send-otp", json={"mobile_number": user.mobile_number})
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
            valkey.start()
            eventually(lambda: ok(user.http.get("/health"))["status"] == "healthy", what="health")
            assert user.say(room, "And now?")["reply"]["status"] == "completed"


@pytest.mark.parametrize("has_own_broker", [False, True])
def test_a_wake_up_reaches_the_worker_before_its_poll(
    servers: Servers, tmp_path: Path, *, has_own_broker: bool
) -> None:
    """The poll runs every five minutes here. Red when jobs do not reach the queue or are no valid tasks."""
    own = {"CELERY_BROKER_URL": servers.redis_url.rpartition("/")[0] + "/12"} if has_own_broker else {}
    product = Stack(
        database_url=servers.database_url,
        redis_url=servers.redis_url.rpartition("/")[0] + "/13",
        folder=tmp_path,
        REPLY_POLL_SECONDS="300",
        **own,
    )
    with product.running() as stack:
        stack.start_worker()
        user = stack.user()
        assert user.say(user.open_room(), "Are you there?")["reply"]["status"] == "completed"


def test_flower_shows_the_worker_its_tasks_and_its_queue_length(own_stack: Stack) -> None:
    """Red when Flower does not know the name of the queue's transport, or when no events are sent."""
    own_stack.start_worker()
    port = free_port()
    arguments = ("-A", "app.celery_app", "flower", "--address=127.0.0.1", f"--port={port}")
    flower = own_stack.start("flower", "celery", *arguments, FLOWER_UNAUTHENTICATED_API="true")
    url = f"http://127.0.0.1:{port}/api"
    eventually(lambda: "Connected to" in flower.log, what="Flower's connection")
    assert ok(httpx.get(f"{url}/queues/length"))["active_queues"] == [
        {"name": "ai_processing", "messages": 0}
    ]
    eventually(lambda: ok(httpx.get(f"{url}/workers", params={"refresh": 1}, timeout=30)), what="the worker")
    user = own_stack.user()
    user.say(user.open_room(), "Who sees this?")

    def seen() -> list[tuple[str, str]]:
        return [(task["name"], task["state"]) for task in ok(httpx.get(f"{url}/tasks")).values()]

    eventually(lambda: seen() == [("process_gemini_message", "SUCCESS")], what="the task in Flower")
