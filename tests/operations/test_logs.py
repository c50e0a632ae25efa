"""Every process writes one JSON object a line, and the lines of a request and a reply say whose they are."""

import contextlib
import json
import os
import pty
import re
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from devtools.ports import free_port
from tests.support.process import ROOT, Process
from tests.support.stack import Stack, alembic
from tests.support.user import Json, User, client, problem
from tests.support.waiting import eventually

_UVICORN_LOG = str(ROOT / "app" / "log_lines" / "uvicorn.json")
_REPLY_FIELDS = {"user_id", "chatroom_id", "reply_id", "request_id", "attempt"}


def _lines(process: Process) -> list[Json]:
    """Return all lines of both streams; each has to be a JSON object with the fields of every line."""
    lines: list[Json] = []
    for text in process.log.splitlines():
        if text.startswith("SMS to "):
            continue  # OTP_DELIVERY=response, which production refuses, writes codes beside the log
        try:
            line = json.loads(text)
        except ValueError:
            raise AssertionError(f"{process.name} printed {text!r}") from None
        assert {"event", "level", "timestamp", "logger"} <= line.keys(), line
        assert "\033" not in line["event"]
        lines.append(line)
    assert lines, f"{process.name} said nothing"
    return lines


def _find(process: Process, event: str, **fields: object) -> list[Json]:
    """Return the lines of an event with these fields."""
    return [
        line
        for line in _lines(process)
        if line["event"] == event and all(line.get(name) == value for name, value in fields.items())
    ]


def _await(process: Process, event: str, **fields: object) -> Json:
    """Wait for the one line of an event with these fields."""
    [line] = eventually(lambda: _find(process, event, **fields), what=f"{event} with {fields}")
    return line


@pytest.fixture
def api(stack: Stack) -> Iterator[tuple[Process, str]]:
    """Start an API process of this test's own, on the shared stack."""
    address = stack.start_api()
    process = stack.processes[-1]
    yield process, address
    process.kill()


@pytest.mark.parametrize("options", [(), ("--pool=solo",)], ids=["threads", "solo"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_a_worker_prints_only_json(
    own_stack: Stack, options: tuple[str, ...], number: signal.Signals
) -> None:
    """Red with Celery's own worker class: its banner, and `worker: Warm shutdown (MainProcess)`."""
    worker = own_stack.start_worker(*options)
    user = own_stack.user()
    user.say(user.open_room(), "Hello.")
    worker.send(number)
    worker.popen.wait(60)
    assert {"worker_started", "reply_started", "reply_recorded"} <= {line["event"] for line in _lines(worker)}


def test_a_refused_pool_and_a_warning_of_the_worker_are_json(own_stack: Stack) -> None:
    """Red when logging begins with Celery's signal: it warns of root before that."""
    command = ("-A", "app.celery_app", "worker", "--pool=processes")
    worker = own_stack.start("worker", "celery", *command, C_FORCE_ROOT="")
    assert worker.popen.wait(60) == 1
    lines = _lines(worker)
    assert "all replies on one loop" in lines[-1]["problem"]
    if os.geteuid() == 0:
        assert any("superuser" in line["event"] for line in lines if line["logger"] == "py.warnings")


@pytest.mark.parametrize("options", [("--reload",), ("--workers", "2"), ()], ids=["reload", "two", "one"])
def test_uvicorn_and_its_parent_print_only_json(own_stack: Stack, options: tuple[str, ...]) -> None:
    """Red without UVICORN_LOG_CONFIG, but for one process: a parent prints before it starts any child."""
    port = free_port()
    settings = {"UVICORN_LOG_CONFIG": _UVICORN_LOG} if options else {}
    process = own_stack.start("api", "uvicorn", "app.main:app", "--port", str(port), *options, **settings)
    with client(f"http://127.0.0.1:{port}") as anyone:
        eventually(lambda: _answers(anyone), what="the API")
    process.stop()
    events = [str(line["event"]) for line in _lines(process)]
    assert any("Uvicorn running" in event for event in events)
    assert any("Started reloader process" in event for event in events) == ("--reload" in options)


def _answers(anyone: httpx.Client) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return anyone.get("/health/live").is_success
    return False


def test_the_bare_parent_of_uvicorn_is_the_only_exception(own_stack: Stack) -> None:
    """As docs/logs.md says: uvicorn's parent imports no application. All else it starts is JSON."""
    port = free_port()
    process = own_stack.start("api", "uvicorn", "app.main:app", "--port", str(port), "--reload")
    with client(f"http://127.0.0.1:{port}") as anyone:
        eventually(lambda: _answers(anyone), what="the API")
    process.stop()
    others = [line for line in process.log.splitlines() if not line.startswith("{")]
    assert len(others) <= 5, others
    assert all(line.startswith("INFO:  ") for line in others), others


def test_flower_prints_only_json(own_stack: Stack) -> None:
    """Red when logging begins with Celery's signal, which Flower does not send: Tornado's own format."""
    port = free_port()
    flower = own_stack.start("flower", "celery", "-A", "app.celery_app", "flower", f"--port={port}")
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as anyone:

        def answers() -> bool:
            with contextlib.suppress(httpx.TransportError):
                return anyone.get("/workers").is_success
            return False

        eventually(answers, what="Flower")
        assert anyone.get("/nowhere").status_code == 404
    flower.stop()
    assert any("Visit me at" in line["event"] for line in _lines(flower))


def test_the_level_of_flower_is_that_of_the_settings(own_stack: Stack) -> None:
    """Red without the line of flowerconfig.py: Tornado sets the level to info."""
    folder = own_stack.folder
    (folder / "flowerconfig.py").write_text((ROOT / "flowerconfig.py").read_text())
    port = free_port()
    flower = own_stack.start(
        "flower", "celery", "-A", "app.celery_app", "flower", f"--port={port}", LOG_LEVEL="debug"
    )
    eventually(lambda: '"level": "debug"' in flower.log, what="a line at debug level")
    flower.stop()


def test_the_sandbox_prints_only_json(own_stack: Stack) -> None:
    process = own_stack.start("sandbox", "sandbox", "--port", "0", "--access-log")
    eventually(lambda: "Uvicorn running" in process.log, what="the sandbox")
    process.stop()
    _lines(process)


def test_a_migration_prints_only_json(own_stack: Stack, tmp_path: Path) -> None:
    """Red when the log is not configured: structlog's own form, and nothing of what was upgraded."""
    url = own_stack.database.url
    alembic(url, "downgrade", "-1")
    command = ("-c", str(ROOT / "alembic.ini"), "upgrade", "head")
    process = Process("alembic", "alembic", *command, env={"DATABASE_URL": url}, log=tmp_path / "log")
    assert process.popen.wait(60) == 0, process.log
    assert any(line["event"].startswith("Running upgrade ") for line in _lines(process))


_CRASH = """
import asyncio, gc, threading, warnings
from app.config import get_settings
from app.log import configure_logging
configure_logging(get_settings())

class Ignored:
    def __del__(self):
        raise ValueError("ignored")

async def lose():
    async def fail():
        raise ValueError("never retrieved")
    task = asyncio.create_task(fail())
    await asyncio.sleep(0)
    del task
    gc.collect()

def crash():
    raise ValueError("in a thread")

asyncio.run(lose())
warnings.warn("of a library")
Ignored()
thread = threading.Thread(target=crash)
thread.start()
thread.join()
raise ValueError("in the end")
"""


def test_what_python_itself_would_print_is_json(tmp_path: Path) -> None:
    """Red without the hooks, each by its own line: Python prints a traceback, or a warning, as text."""
    program = tmp_path / "crash.py"
    program.write_text(_CRASH)
    env = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], "ENVIRONMENT": "test"} | {
        "DATABASE_URL": "postgresql://localhost/app",
        "REDIS_URL": "redis://localhost",
    }
    done = subprocess.run(
        [sys.executable, str(program)], env=env, capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert (done.returncode, done.stderr) == (1, "")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    retrieved, warning, ignored, thread, process = lines
    assert retrieved["event"].startswith("Task exception was never retrieved")
    assert retrieved["exception"].endswith("ValueError: never retrieved")
    assert ("of a library" in warning["event"], warning["level"]) == (True, "warning")
    events = [(line["event"], line["exception"].splitlines()[-1]) for line in (ignored, thread, process)]
    assert events == [
        ("error_ignored", "ValueError: ignored"),
        ("thread_crashed", "ValueError: in a thread"),
        ("process_crashed", "ValueError: in the end"),
    ]


_SPEAK = """
import structlog
from app.config import get_settings
from app.log import configure_logging
configure_logging(get_settings())
log = structlog.get_logger()
log.warning("model_failed", reason="503")
"""
_REFUSE = "from app.config import get_settings; get_settings()"


def _on_a_terminal(program: str, folder: Path, **settings: str) -> str:
    """Run a program with both streams on a terminal, and return what it shows."""
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TERM": "xterm", **settings}
    shown, terminal = pty.openpty()
    with os.fdopen(shown, "rb", 0) as screen:
        command = [sys.executable, "-c", program]
        with subprocess.Popen(command, env=env, cwd=folder, stdout=terminal, stderr=terminal):
            os.close(terminal)
            seen = b""
            with contextlib.suppress(OSError):  # Linux's end of a terminal that nobody holds open
                while chunk := screen.read(65536):
                    seen += chunk
    return seen.decode().replace("\r\n", "\n")


def test_a_terminal_shows_short_lines_in_colour(tmp_path: Path) -> None:
    """Red with structlog's own renderer: a full date, and colours in spite of NO_COLOR."""
    stores = {"DATABASE_URL": "postgresql://localhost/app", "REDIS_URL": "redis://localhost"}
    settings = {"ENVIRONMENT": "test", "OTP_DELIVERY": "console", "GEMINI_API_KEY": "key", **stores}
    painted = _on_a_terminal(_SPEAK, tmp_path, **settings)
    assert re.fullmatch(
        "\033\\[2m\\d\\d:\\d\\d:\\d\\d\033\\[0m \033\\[33mwarning\033\\[0m model_failed reason=503\n", painted
    )
    plain = _on_a_terminal(_SPEAK, tmp_path, NO_COLOR="1", **settings)
    assert re.fullmatch(r"\d\d:\d\d:\d\d warning model_failed reason=503\n", plain)
    as_set = _on_a_terminal(_SPEAK, tmp_path, LOG_FORMAT="json", **settings)
    assert json.loads(as_set)["event"] == "model_failed"


def test_a_terminal_shows_the_reasons_not_to_start_as_a_list(tmp_path: Path) -> None:
    assert _on_a_terminal(_REFUSE, tmp_path, REDIS_URL="redis://localhost") == (
        "The settings are not usable:\n  - DATABASE_URL is missing\n"
    )


@pytest.mark.parametrize(
    "command",
    [
        ("uvicorn", "app.main:app", "--port", "0"),
        ("celery", "-A", "app.celery_app", "worker"),
        ("celery", "-A", "app.celery_app", "flower"),
        ("alembic", "-c", str(ROOT / "alembic.ini"), "upgrade", "head"),
    ],
    ids=["API", "worker", "Flower", "migration"],
)
def test_each_reason_not_to_start_is_a_line(tmp_path: Path, command: tuple[str, ...]) -> None:
    """Red with `print`: the list has no level, so no alarm on errors finds it."""
    wrong = {"DATABASE_URL": "mysql://visible", "REDIS_URL": "redis://localhost"}
    process = Process("refusing", *command, env=wrong, log=tmp_path / "log")
    assert process.popen.wait(60) not in (0, None)
    [line] = _lines(process)
    assert (line["event"], line["level"]) == ("start_refused", "critical")
    assert line["problem"].startswith("DATABASE_URL ")
    assert "visible" not in process.log


def test_a_request_names_its_caller_and_room(api: tuple[Process, str], stack: Stack) -> None:
    """Red without the binding in `app.dependencies`: nothing leads from a user to the requests."""
    process, address = api
    user = stack.user().at(address)
    room = user.open_room()
    answer = user.post(room, "Hello.", Prefer="respond-async")
    ids = {"user_id": user.id, "chatroom_id": room}
    assert _await(process, "request", request_id=answer.headers["x-request-id"]).items() >= ids.items()
    unknown = str(uuid4())
    refused = user.http.get(f"/chatroom/{room}/message/{unknown}")
    line = _await(process, "request", request_id=refused.headers["x-request-id"])
    assert line.items() >= {**ids, "message_id": unknown, "status": 404}.items()
    deleted = user.http.delete(f"/chatroom/{room}")
    request_id = deleted.headers["x-request-id"]
    assert _await(process, "chatroom_deleted", request_id=request_id).items() >= ids.items()


def test_requests_on_one_connection_name_their_own_callers(api: tuple[Process, str], stack: Stack) -> None:
    """Red when the log's context outlives a request: the second one is logged as the first caller's."""
    process, address = api
    one, other = (stack.user() for _ in range(2))
    seen = []
    with client(address) as shared:
        for token in (one.token, "", other.token):
            answer = shared.get("/user/me", headers={"Authorization": f"Bearer {token}"} if token else {})
            request_id = answer.headers["x-request-id"]
            seen.append(_await(process, "request", request_id=request_id).get("user_id"))
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
    line = _await(process, "request", request_id=answer.headers["x-request-id"])
    assert (line["status"], "user_id" in line) == (401, False)


def test_what_a_path_holds_in_place_of_an_id_is_not_logged(api: tuple[Process, str], stack: Stack) -> None:
    """Red when the path's text is bound as it is: a client may put a number or a text there."""
    process, address = api
    user = stack.user().at(address)
    answer = user.http.get("/chatroom/+14155550123-marked")
    problem(answer, 404, "chatroom_not_found")
    line = _await(process, "request", request_id=answer.headers["x-request-id"])
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
    line = _await(process, "request", request_id=request_id)
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
        line = _await(process, "request", request_id=request_id)
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
        line = _await(process, "request", request_id=f"leaves-{room}")
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
    found = _find(worker, event, **fields)
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
            assert _await(loud, "request", request_id=answer.headers["x-request-id"])["level"] == "debug"
    with client(stack.base_url, token) as anyone:
        for path in paths:
            anyone.get(path)
        wrong = anyone.get("/metrics", headers={"Authorization": "Bearer wrong"})
    assert _await(quiet, "request", request_id=wrong.headers["x-request-id"])["level"] == "info"
    routes = {line["route"] for line in _find(quiet, "request") if line["status"] < 400}
    assert not routes & set(paths)


def test_the_level_is_that_of_the_settings_alone(own_stack: Stack) -> None:
    """Red when uvicorn's logger keeps its level, or Celery's option counts: their lines are at info."""
    own_stack.start_api(LOG_LEVEL="warning")
    api = own_stack.processes[-1]
    worker = own_stack.start(
        "worker", "celery", "-A", "app.celery_app", "worker", "--loglevel=debug", LOG_LEVEL="warning"
    )
    eventually(
        lambda: own_stack.database.value("SELECT count(*) FROM worker_heartbeats") == 1, what="the worker"
    )
    for process in (api, worker):
        process.stop()
        levels = {json.loads(line)["level"] for line in process.log.splitlines()}
        assert levels <= {"warning", "error"}, process.log
