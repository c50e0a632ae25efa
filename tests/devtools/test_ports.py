"""Ports of ./dev run."""

import json
import subprocess
import sys
from pathlib import Path

from devtools.ports import free_port

_HOLD = (
    "import pathlib, sys; from devtools.ports import remembered_ports;"
    "print(remembered_ports(pathlib.Path(sys.argv[1]), {'valkey': int(sys.argv[2])})['valkey'], flush=True);"
    "sys.stdin.read()"
)


def _choose(file: Path, first_choice: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", _HOLD, str(file), str(first_choice)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_two_runs_that_start_together_choose_different_ports(tmp_path: Path) -> None:
    """Nothing listens yet when the second one chooses. Red without the reservation."""
    wanted = free_port()
    with _choose(tmp_path / "one", wanted) as one, _choose(tmp_path / "other", wanted) as other:
        chosen = {int(run.stdout.readline()) for run in (one, other) if run.stdout}
        assert len(chosen) == 2
        assert wanted in chosen
    with _choose(tmp_path / "third", wanted) as third:
        assert third.stdout
        assert int(third.stdout.readline()) == wanted
    assert json.loads((tmp_path / "third").read_text()) == {"valkey": wanted}
