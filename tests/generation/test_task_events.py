"""Flower shows a reply as one task with its result, its attempts and its reason of failure."""

import signal
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from devtools.ports import free_port
from tests.support.process import Process
from tests.support.stack import Stack
from tests.support.user import Json, User, ok
from tests.support.waiting import eventually

_PRIVATE = "visible words of a user"


@dataclass
class Watched:
    """A stack with Flower connected to it."""

    stack: Stack
    flower: Process
    url: str

    def start_worker(self, **settings: str) -> Process:
        worker = self.stack.start_worker(**settings)
        eventually(
            lambda: ok(httpx.get(f"{self.url}/workers", params={"refresh": 1}, timeout=30)),
            what="the worker in Flower",
        )
        return worker

    def task(self, reply: Json, state: str) -> Json:
        """Return the task of a reply once it is in this state."""
        found: list[Json] = []

        def is_there() -> bool:
            found[:] = [
                task for key, task in ok(httpx.get(f"{self.url}/tasks")).items() if key == reply["id"]
            ]
            return bool(found) and found[0]["state"] == state

        eventually(is_there, what=f"{state} of {reply['id']} in Flower")
        return found[0]


@pytest.fixture
def watched(own_stack: Stack) -> Iterator[Watched]:
    port = free_port()
    arguments = ("-A", "app.celery_app", "flower", "--address=127.0.0.1", f"--port={port}")
    flower = own_stack.start("flower", "celery", *arguments, FLOWER_UNAUTHENTICATED_API="true")
    eventually(lambda: "Connected to" in flower.log, what="Flower's connection")
    yield Watched(own_stack, flower, f"http://127.0.0.1:{port}/api")
    assert _PRIVATE not in flower.log


def _begin(user: User, text: str, room: str | None = None) -> Json:
    content = f"{text} {_PRIVATE} {uuid.uuid4().hex}"
    begun: Json = ok(user.post(room or user.open_room(), content, Prefer="respond-async"))["reply"]
    return begun


def test_a_reply_that_fails_at_once_is_a_failure_with_its_reason(watched: Watched) -> None:
    """Red when the task reports only the wake-up: it is a SUCCESS although the reply fails."""
    worker = watched.start_worker()
    user = watched.stack.user()
    task = watched.task(_begin(user, "[sandbox:region]"), "FAILURE")
    assert task["name"] == "process_gemini_message"
    assert task["exception"] == (
        "ReplyFailedError('model_not_configured after 1 try:"
        " 400 FAILED_PRECONDITION User location is not supported')"
    )
    assert _PRIVATE not in str(task)
    assert "Traceback" not in worker.log
    own = [line for line in worker.log.splitlines() if '"py.warnings"' not in line]  # Celery's, as root
    assert sum('"level": "warning"' in line for line in own) == 1
    assert '"level": "error"' not in worker.log


def test_a_reply_that_fails_after_retries_shows_its_attempts(watched: Watched) -> None:
    """Later attempts come from the poll, for which no task runs. Red without our own events."""
    worker = watched.start_worker(REPLY_MAX_RETRIES="2")
    user = watched.stack.user()
    reply = _begin(user, "[sandbox:503]")
    assert user.wait_for(reply)["status"] == "failed"
    task = watched.task(reply, "FAILURE")
    assert task["name"] == "process_gemini_message"
    assert task["exception"] == "ReplyFailedError('model_unavailable after 3 tries: 503 UNAVAILABLE')"
    assert reply["id"] in task["kwargs"]
    assert _PRIVATE not in str(task)
    assert "Traceback" not in worker.log


def test_between_two_attempts_a_reply_is_shown_as_retry(watched: Watched) -> None:
    watched.start_worker(REPLY_POLL_SECONDS="300")
    user = watched.stack.user()
    task = watched.task(_begin(user, "[sandbox:429]"), "RETRY")
    assert task["exception"] == (
        "TryFailedError('1 try so far: 429 RESOURCE_EXHAUSTED GenerateRequestsPerMinutePerProjectPerModel')"
    )


def test_a_reply_that_a_retry_answers_is_a_success(watched: Watched) -> None:
    watched.start_worker()
    user = watched.stack.user()
    task = watched.task(_begin(user, "[sandbox:503*1]"), "SUCCESS")
    assert task["result"] == "'completed'"


def test_a_reply_that_waits_for_an_earlier_one_is_shown_as_it_ends(watched: Watched) -> None:
    """Its wake-up arrives during the room's first reply. Red when the wake-up ends as a SUCCESS."""
    watched.start_worker()
    user = watched.stack.user()
    room = user.open_room()
    first = _begin(user, "[sandbox:wait=2]", room)
    second = _begin(user, "[sandbox:400]", room)
    assert watched.task(first, "SUCCESS")["result"] == "'completed'"
    task = watched.task(second, "FAILURE")
    assert "model_request_rejected after 1 try: 400 INVALID_ARGUMENT" in task["exception"]


def test_a_reply_of_another_worker_is_shown_as_it_ends(watched: Watched) -> None:
    """The first worker is killed, and its wake-up is lost."""
    lost = watched.start_worker(REPLY_POLL_SECONDS="300")
    user = watched.stack.user()
    reply = _begin(user, "[sandbox:hang*1] [sandbox:403]")
    watched.task(reply, "STARTED")
    eventually(lambda: watched.stack.calls(_PRIVATE), what="a call to Gemini")
    lost.send(signal.SIGKILL)
    watched.start_worker()
    task = watched.task(reply, "FAILURE")
    assert "model_not_configured after 2 tries: 403 PERMISSION_DENIED" in task["exception"]


def test_a_blocked_and_a_cancelled_reply_are_successes(watched: Watched) -> None:
    watched.start_worker()
    user = watched.stack.user()
    assert watched.task(_begin(user, "[sandbox:safety]"), "SUCCESS")["result"] == "'blocked'"
    reply = _begin(user, "[sandbox:hang]")
    watched.task(reply, "STARTED")
    ok(user.http.post(f"/chatroom/{reply['chatroom_id']}/message/{reply['id']}/cancel"))
    assert watched.task(reply, "SUCCESS")["result"] == "'cancelled'"
