"""The lines of a request and of a reply say whose they are, what happened, and what it cost."""

import contextlib
import json
import secrets
import socket
from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest

from tests.support.log_lines import await_line, find_lines
from tests.support.process import Process
from tests.support.stack import Stack
from tests.support.user import Json, User, client, problem
from tests.support.waiting import eventually

_REPLY_FIELDS = {"user_id", "chatroom_id", "reply_id", "request_id", "attempt"}


@pytest.fixture
def api(stack: Stack) -> Iterator[tuple[Process, str]]:
    """Start an API process of this test's own, on the shared stack."""
    address = stack.start_api()
    process = stack.processes[-1]
    yield process, address
    process.kill()


def test_a_request_names_its_caller_and_room(api: tuple[Process, str], stack: Stack) -> None:
    """Red without the binding in `app.dependencies`: nothing leads from a user to the requests."""
    process, address = api
    user = stack.user().at(address)
    room = user.open_room()
    answer = user.post(room, "Hello.", Prefer="respond-async")
    ids = {"user_id": user.id, "chatroom_id": room}
    assert await_line(process, "request", request_id=answer.headers["x-request-id"]).items() >= ids.items()
    unknown = str(uuid4())
    refused = user.http.get(f"/chatroom/{room}/message/{unknown}")
    line = await_line(process, "request", request_id=refused.headers["x-request-id"])
    assert line.items() >= {**ids, "message_id": unknown, "status": 404}.items()
    deleted = user.http.delete(f"/chatroom/{room}")
    request_id = deleted.headers["x-request-id"]
    assert await_line(process, "chatroom_deleted", request_id=request_id).items() >= ids.items()


def test_requests_on_one_connection_name_their_own_callers(api: tuple[Process, str], stack: Stack) -> None:
    """Each request is a task with a log context of its own."""
    process, address = api
    one, other = (stack.user() for _ in range(2))
    seen = []
    with client(address) as shared:
        for token in (one.token, "", other.token):
            answer = shared.get("/user/me", headers={"Authorization": f"Bearer {token}"} if token else {})
            request_id = answer.headers["x-request-id"]
            seen.append(await_line(process, "request", request_id=request_id).get("user_id"))
    assert seen == [one.id, None, other.id]


def test_a_refused_token_names_no_user(api: tuple[Process, str], stack: Stack) -> None:
    """Red when the claims are bound before the session is looked up: an ended one still has valid claims."""
    process, address = api
    user = stack.user().at(address)
    assert user.http.post("/auth/logout").status_code == 204

    def refused() -> httpx.Response | None:
        answer = user.http.get("/chatroom")
        return answer if answer.status_code == 401 else None

    answer = eventually(refused, what="the end of the session")
    line = await_line(process, "request", request_id=answer.headers["x-request-id"])
    assert (line["status"], "user_id" in line) == (401, False)


def test_what_a_path_holds_in_place_of_an_id_is_not_logged(api: tuple[Process, str], stack: Stack) -> None:
    """Red when the path's text is bound as it is: a client may put a number or a text there."""
    process, address = api
    user = stack.user().at(address)
    answer = user.http.get("/chatroom/+14155550123-marked")
    problem(answer, 404, "chatroom_not_found")
    line = await_line(process, "request", request_id=answer.headers["x-request-id"])
    assert (line["user_id"], "chatroom_id" in line) == (user.id, False)
    assert "marked" not in process.log


def test_a_stream_is_logged_as_one_with_its_whole_duration(api: tuple[Process, str], stack: Stack) -> None:
    """Red when the context is lost with the layers inside: a stream runs after they have returned."""
    process, address = api
    user = stack.user().at(address)
    room = user.open_room()
    with user.http.stream("POST", f"/chatroom/{room}/message/stream", json={"content": "Hello."}) as stream:
        request_id = stream.headers["x-request-id"]
        assert "event: end" in "".join(stream.iter_text())
    line = await_line(process, "request", request_id=request_id)
    assert line.items() >= {"stream": True, "status": 200, "user_id": user.id, "chatroom_id": room}.items()
    reply = eventually(lambda: _of_worker(stack, "reply_recorded", request_id=request_id), what="the reply")
    assert line["duration_ms"] >= reply["duration_ms"] - 1
    assert "disconnected" not in line


def test_a_client_that_leaves_a_stream_is_logged(api: tuple[Process, str], stack: Stack) -> None:
    """Red without uvicorn's state of the connection: it looks like a stream that came to its end."""
    process, address = api
    user = stack.user().at(address)
    path = f"/chatroom/{user.open_room()}/message/stream"
    with _held(stack) as mark:
        with user.http.stream("POST", path, json={"content": f"Hello {mark}."}) as stream:
            request_id = stream.headers["x-request-id"]
        line = await_line(process, "request", request_id=request_id)
    assert (line["status"], line["disconnected"]) == (200, True)


def test_a_client_that_leaves_before_the_answer_is_status_499(api: tuple[Process, str], stack: Stack) -> None:
    """Red without the look at the connection: the line claims a 202 that nobody received."""
    process, address = api
    user = stack.user().at(address)
    room = user.open_room()
    url = httpx.URL(address)
    with _held(stack) as mark:
        body = json.dumps({"content": f"Hello {mark}."})
        with socket.create_connection((url.host, url.port or 80)) as connection:
            connection.sendall(
                f"POST /chatroom/{room}/message HTTP/1.1\r\nHost: {url.host}\r\n"
                f"Authorization: Bearer {user.token}\r\nContent-Type: application/json\r\n"
                f"Prefer: wait=2\r\nX-Request-Id: leaves-{room}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
            )
            count = "SELECT count(*) FROM messages WHERE chatroom_id = %s"
            eventually(lambda: stack.database.value(count, room) == 2, what="the stored message")
        line = await_line(process, "request", request_id=f"leaves-{room}")
    assert (line["status"], line["unsent_status"], line["disconnected"]) == (499, 202, True)
    assert (line["user_id"], line["chatroom_id"]) == (user.id, room)


@contextlib.contextmanager
def _held(stack: Stack) -> Iterator[str]:
    """Hold the model's answers to messages with a mark, which this yields, for the time of the block."""
    mark = secrets.token_hex(8)
    httpx.post(f"{stack.sandbox_url}/sandbox/hold", json={"contains": mark}).raise_for_status()
    yield mark
    httpx.post(f"{stack.sandbox_url}/sandbox/release", json={"contains": mark}).raise_for_status()


def _of_worker(stack: Stack, event: str, **fields: object) -> Json | None:
    [worker] = [process for process in stack.processes if process.name == "worker"][:1]
    found = find_lines(worker, event, **fields)
    return found[-1] if found else None


def test_a_reply_says_what_it_cost(stack: Stack, user: User) -> None:
    """Red when the line has the status only: no figure of a reply is found without the database."""
    room = user.open_room()
    reply = user.say(room, "How are you?")["reply"]
    line = eventually(lambda: _of_worker(stack, "reply_recorded", reply_id=reply["id"]), what="the line")
    assert line is not None
    assert line.items() >= {"user_id": user.id, "chatroom_id": room, "attempt": 1}.items()
    assert line.items() >= {"status": "completed", "error": None, "retries": 0, "worker_losses": 0}.items()
    assert line["model"] == reply["model"]
    for name in ("input_tokens", "output_tokens", "duration_ms", "first_token_ms"):
        assert line[name] > 0, name
    assert 0 < line["first_token_ms"] <= line["duration_ms"]
    assert line["queue_ms"] >= 0
    assert "thinking_tokens" in line
    started = _of_worker(stack, "reply_started", reply_id=reply["id"])
    assert started is not None
    assert {name: started[name] for name in _REPLY_FIELDS} == {name: line[name] for name in _REPLY_FIELDS}


def test_each_attempt_names_the_reply_and_its_failure(stack: Stack, user: User) -> None:
    room = user.open_room()
    reply = user.say(room, "[sandbox:503*1] Hello.")["reply"]
    ids = {"reply_id": reply["id"], "user_id": user.id, "chatroom_id": room}
    ended = eventually(
        lambda: _of_worker(stack, "reply_recorded", **ids, status="completed"), what="the second attempt"
    )
    assert ended is not None
    assert (ended["attempt"], ended["retries"], ended["queue_ms"]) == (2, 1, None)
    failed = _of_worker(stack, "model_failed", **ids, attempt=1, request_id=ended["request_id"])
    assert failed is not None


def test_health_checks_are_logged_at_debug_level_only(stack: Stack) -> None:
    """Red at info: a balancer's questions are most of the log."""
    address = stack.start_api(LOG_LEVEL="debug")
    loud = stack.processes[-1]
    quiet = next(process for process in stack.processes if process.name == "api")
    token = {"Authorization": "Bearer metrics-token-of-the-tests"}
    paths = ("/health", "/health/live", "/metrics")
    with client(address, token) as anyone:
        for path in paths:
            answer = anyone.get(path)
            assert await_line(loud, "request", request_id=answer.headers["x-request-id"])["level"] == "debug"
    with client(stack.base_url, token) as anyone:
        for path in paths:
            anyone.get(path)
        wrong = anyone.get("/metrics", headers={"Authorization": "Bearer wrong"})
    assert await_line(quiet, "request", request_id=wrong.headers["x-request-id"])["level"] == "info"
    routes = {line["route"] for line in find_lines(quiet, "request") if line["status"] < 400}
    assert not routes & set(paths)
