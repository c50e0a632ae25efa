"""The image and Compose start the API on the port in PORT, as the process that receives signals."""

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import httpx
import pytest

from devtools.ports import free_port
from tests.support.process import ROOT
from tests.support.stack import Stack
from tests.support.waiting import eventually

DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = (ROOT / "docker-compose.yml").read_text()
API = COMPOSE.partition("\n  api:\n")[2].partition("\n\n")[0]


def _image_command() -> list[str]:
    (written,) = re.findall(r"^CMD (.+)$", DOCKERFILE, re.MULTILINE)
    command: list[str] = json.loads(written)
    return command


def _compose_command() -> list[str]:
    script = API.partition("      - |\n")[2].partition("    environment:\n")[0]
    return ["sh", "-c", textwrap.dedent(script).replace("$$", "$")]


COMMANDS = {"image": _image_command(), "compose": _compose_command()}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize(("settings", "port"), [({}, 8000), ({"PORT": ""}, 8000), ({"PORT": "9123"}, 9123)])
def test_the_command_starts_a_server_on_the_port_that_is_set(
    tmp_path: Path, command: list[str], settings: dict[str, str], port: int
) -> None:
    """Run the command with a program in place of the server that prints its arguments."""
    program = tmp_path / "uvicorn"
    program.write_text('#!/bin/sh\necho "$$ $*"\n')
    program.chmod(0o755)
    with subprocess.Popen(
        command,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", **settings},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        output, _ = process.communicate(timeout=60)
    pid, *arguments = output.split()
    assert int(pid) == process.pid, "a shell receives the signals instead of the server"
    assert arguments[:5] == ["app.main:app", "--host", "0.0.0.0", "--port", str(port)]  # noqa: S104  # a container


def test_the_image_listens_on_the_port_and_stops_on_a_signal(stack: Stack) -> None:
    port = free_port()
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    with (
        (stack.folder / "image.log").open("ab") as log,
        subprocess.Popen(
            _image_command(),
            cwd=stack.folder,
            env={**stack.settings, "PATH": path, "PYTHONPATH": str(ROOT), "PORT": str(port)},
            stdout=log,
            stderr=log,
        ) as process,
    ):
        try:
            eventually(lambda: _is_up(port), what="the API at the port")
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(60) in {0, -signal.SIGTERM}


def _is_up(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health/live", timeout=2).is_success
    except httpx.TransportError:
        return False


def test_compose_names_one_port_inside_and_outside() -> None:
    assert re.findall(r"^ +PORT: (.+)$", API, re.MULTILINE) == ["${PORT:-8000}"]
    assert '"127.0.0.1:${PORT:-8000}:${PORT:-8000}"' in API
    assert "http://127.0.0.1:{os.environ['PORT']}/health/live" in API
    assert "SANDBOX_STRIPE_WEBHOOK_URL: http://api:${PORT:-8000}/webhook/stripe" in COMPOSE
    assert not re.findall(r"(?<!-)\b8000\b", COMPOSE)


def test_the_image_installs_the_complete_lock_and_keeps_no_pip() -> None:
    install = re.search(r"pip install .+", DOCKERFILE)
    assert install
    for option in ("--no-deps", "--require-hashes", "--only-binary :all:", "requirements.txt"):
        assert option in install[0]
    builder, _, runtime = DOCKERFILE.rpartition("\nFROM ")
    assert (
        builder.index("bin/pip install") < builder.index("bin/pip check") < builder.index("bin/pip uninstall")
    )
    assert "site-packages/pip " in runtime
    for stage in (builder, runtime):
        assert stage.index("WORKDIR") < stage.index("COPY")
