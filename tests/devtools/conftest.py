"""A real ./dev run of a copy of this tree, on a port and a data folder of its own."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
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
NOT_COPIED = (".venv", ".git", ".env", ".data", ".*cache*", "__pycache__", "node_modules", "tests", "docs")
PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR")


class DevRun:
    """One start of ./dev run, whose output goes to a file."""

    def __init__(self, tree: Path, env: dict[str, str]) -> None:
        self._log = tree.with_name(f"output-{free_port()}")
        with self._log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "devtools.run"], cwd=tree, env=env, stdout=output, stderr=output
            )

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

    def __init__(self, tree: Path, state: Path) -> None:
        self.state = state
        self.port = free_port()
        self._tree = tree
        self._runs: list[DevRun] = []

    def run(self, **env: str) -> DevRun:
        passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        ours = {"PORT": str(self.port), "DEV_STATE_DIR": str(self.state)}
        self._runs.append(DevRun(self._tree, passed_on | ours | env))
        return self._runs[-1]

    def end_all(self) -> None:
        for run in self._runs:
            with contextlib.suppress(psutil.NoSuchProcess):
                family = run.children()
                end(psutil.Process(run.process.pid), [signal.SIGINT], seconds=45)
                for process in family:
                    end(process, [], seconds=5)
            run.process.wait()


@pytest.fixture
def dev_tree(tmp_path: Path) -> Iterator[DevTree]:
    tree = tmp_path / "tree"
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(*NOT_COPIED))
    state = Path(
        tempfile.mkdtemp(prefix="dev-run-test-")
    )  # tmp_path is closed to the servers' user when root
    made = DevTree(tree, state)
    try:
        yield made
    finally:
        made.end_all()
        shutil.rmtree(state)
