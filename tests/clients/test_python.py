"""The Python client that openapi-python-client makes is typed and does what the API promises."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.install import VENV
from tests.clients.tools import Tools
from tests.support.stack import Stack
from tests.support.user import User, some_number

_SCRIPT = "generated_client.py"


@pytest.fixture(scope="module")
def script(tools: Tools, document: Path) -> Path:
    """A program that uses the generated client; both are without errors under mypy's strict rules."""
    tools.copy("python")
    config = tools.folder / "openapi-python-client.yaml"
    config.write_text("post_hooks: []\n")
    printed = tools.pip(
        "openapi-python-client",
        *("generate", "--path", str(document), "--output-path", "chat_client"),
        *("--meta", "none", "--config", str(config), "--fail-on-warning"),
    )
    assert "Warning" not in printed
    return tools.folder / _SCRIPT


def test_a_program_that_uses_the_client_passes_strict_type_checks(tools: Tools, script: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--config-file="),
            *("--python-executable", str(VENV / "bin" / "python"), "--follow-imports=silent", str(script)),
        ],
        cwd=tools.folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "promise",
    ["signs_in", "sends_a_message", "is_refused", "renames_an_archived_room", "reads_typed_events"],
)
def test_openapi_python_client(tools: Tools, script: Path, stack: Stack, user: User, promise: str) -> None:
    tools.python(script, promise, API=stack.base_url, TOKEN=user.token, NUMBER=some_number())
