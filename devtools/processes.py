"""Starting and ending processes so that none is left behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from devtools.privileges import Account

LEASH = Path(__file__).with_name("leash.py")
SAME_BIRTH_SECONDS = 0.05


def start(
    args: Sequence[str | Path],
    *,
    cwd: Path,
    env: Mapping[str, str],
    output: int,
    death_signal: signal.Signals,
    account: Account | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own; on Linux it gets `death_signal` when this process dies.

    The session keeps a terminal's Ctrl-C away from it. Linux sends the death signal when the starting
    *thread* ends, so a program started from another thread than the main one goes without.
    """
    wanted = death_signal if threading.current_thread() is threading.main_thread() else 0
    uid, gid = (account.uid, account.gid) if account else (0, 0)
    leash = [sys.executable, "-I", "-S", LEASH, wanted, os.getpid(), uid, gid]
    return subprocess.Popen(
        [str(argument) for argument in (*map(_plain, leash), *args)],
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _plain(argument: object) -> str:
    return str(int(argument)) if isinstance(argument, signal.Signals) else str(argument)


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Poll a condition; False when it did not come true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def alive(process: psutil.Process) -> bool:
    """Whether the process exists and is no zombie: in some containers no process collects those."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def end(process: psutil.Process, signals: Iterable[signal.Signals], seconds: float = 10) -> None:
    """Send one signal after the other, SIGKILL last, until the process has ended."""
    for number in (*signals, signal.SIGKILL):
        if not alive(process):
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)
        wait_until(lambda: not alive(process), seconds)


class RunRecord:
    """Who was started, so that the next start can end what outlived a killed supervisor."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._rows: list[tuple[str, int, float]] = []

    def add(self, name: str, pid: int) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            self._rows.append((name, pid, psutil.Process(pid).create_time()))
        self._file.write_text(json.dumps(self._rows))

    def sweep(self) -> list[str]:
        """End what the last record names and still runs; the names of those."""
        ended = []
        with contextlib.suppress(FileNotFoundError, ValueError):
            for name, pid, born in json.loads(self._file.read_text()):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process = psutil.Process(pid)
                    if not alive(process) or abs(process.create_time() - born) > SAME_BIRTH_SECONDS:
                        continue  # the number belongs to another process by now
                    family = [process, *process.children(recursive=True)]
                    for member in family:
                        end(member, [signal.SIGTERM] if member is process else [])
                    ended.append(name)
        self.clear()
        return ended

    def clear(self) -> None:
        self._rows = []
        self._file.unlink(missing_ok=True)
