"""Every process writes one JSON object a line, or short lines on a terminal, by the client's own commands."""

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from devtools.ports import free_port
from tests.support.log_lines import lines_of
from tests.support.process import ROOT, Process
from tests.support.stack import Stack, alembic
from tests.support.user import client
from tests.support.waiting import eventually

_UVICORN_LOG = str(ROOT / "app" / "log_lines" / "uvicorn.json")


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
    assert {"worker_started", "reply_started", "reply_recorded"} <= {
        line["event"] for line in lines_of(worker)
    }


def test_a_refused_pool_and_a_warning_of_the_worker_are_json(own_stack: Stack) -> None:
    """Red when logging begins with Celery's signal: it warns of root before that."""
    command = ("-A", "app.celery_app", "worker", "--pool=processes")
    worker = own_stack.start("worker", "celery", *command, C_FORCE_ROOT="")
    assert worker.popen.wait(60) == 1
    lines = lines_of(worker)
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
    events = [str(line["event"]) for line in lines_of(process)]
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
    assert any("Visit me at" in line["event"] for line in lines_of(flower))


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
    lines_of(process)


def test_a_migration_prints_only_json(own_stack: Stack, tmp_path: Path) -> None:
    """Red when the log is not configured: structlog's own form, and nothing of what was upgraded."""
    url = own_stack.database.url
    alembic(url, "downgrade", "-1")
    command = ("-c", str(ROOT / "alembic.ini"), "upgrade", "head")
    process = Process("alembic", "alembic", *command, env={"DATABASE_URL": url}, log=tmp_path / "log")
    assert process.popen.wait(60) == 0, process.log
    assert any(line["event"].startswith("Running upgrade ") for line in lines_of(process))


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
    [line] = lines_of(process)
    assert (line["event"], line["level"]) == ("start_refused", "critical")
    assert line["problem"].startswith("DATABASE_URL ")
    assert "visible" not in process.log


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
