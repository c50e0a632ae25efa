"""The processes of a run: their output, the death of one, and stopping them in order."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from functools import partial
from typing import TYPE_CHECKING

from devtools import processes

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from devtools.console import Console
    from devtools.servers import Server

POLL_SECONDS = 0.2


class Stopped(Exception):
    """The run is to end now."""


class Supervisor:
    """Starts processes, and notices when the run has to end: `failure` says why, unless it was asked to."""

    def __init__(
        self, root: Path, env: Mapping[str, str], record: processes.RunRecord, console: Console
    ) -> None:
        self.failure: str | None = None
        self.console = console
        self.env = dict(env)
        self._root = root
        self._record = record
        self._stopping = False
        self._applications: dict[str, subprocess.Popen[bytes]] = {}
        self._errands: set[str] = set()
        self._servers: list[Server] = []
        self._pumps: set[asyncio.Task[None]] = set()

    def listen_to_signals(self) -> None:
        """Ctrl-C and its like end the run; a second one kills what has not stopped yet."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self._on_signal)

    def add_server(self, server: Server) -> None:
        """Start an embedded server; a second at most, in which nothing else is to be done."""
        server.start()
        self._servers.append(server)
        if server.process:
            self._record.add(server.name, server.process.pid)

    def start(self, name: str, args: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start an application; the console takes what it prints, under its name."""
        reading, writing = os.pipe()
        self._pumps.add(asyncio.create_task(_pump(reading, partial(self.console.relay, name))))
        try:
            process = processes.start(
                args, cwd=self._root, env=self.env, output=writing, death_signal=signal.SIGKILL
            )
        finally:
            os.close(writing)
        self._applications[name] = process
        self._record.add(name, process.pid)
        return process

    async def complete(self, name: str, args: Sequence[str]) -> None:
        """Run something that ends by itself; it has to succeed."""
        self._errands.add(name)
        process = self.start(name, args)
        while process.poll() is None:
            await self.pause()
        await self.pause()

    async def wait_until(
        self, condition: Callable[[], bool], *, seconds: float, otherwise: Callable[[], str]
    ) -> None:
        """Poll a condition, which may block for a moment; the run has failed when it stays false."""
        deadline = time.monotonic() + seconds
        while not await asyncio.to_thread(condition):
            if time.monotonic() > deadline:
                self.fail(otherwise())
            await self.pause()

    async def pause(self) -> None:
        """Let a moment pass; raises Stopped when the run has to end."""
        await asyncio.sleep(POLL_SECONDS)
        for name, process in self._applications.items():
            if process.poll() or (process.returncode == 0 and name not in self._errands):
                self.fail(f"{name} ended ({_reason(process.returncode)}); its log: ./dev logs {name}")
        for server in self._servers:
            if server.has_ended():
                self.fail(f"{server.name} ended\n{server.last_lines()}")
        if self._stopping:
            raise Stopped

    def fail(self, reason: str) -> None:
        if not self._stopping:
            self.failure, self._stopping = reason, True

    async def stop(self, *, grace_seconds: float) -> None:
        """Stop all: what takes requests and work first, then what it needs, the data last."""
        self._stopping = self.console.stopping = True
        foremost = [name for name in self._applications if name != "sandbox"]
        await self._end(foremost, grace_seconds)
        await self._end(["sandbox"], 5)
        for server in reversed(self._servers):
            await asyncio.to_thread(server.stop)
        if self._pumps:
            await asyncio.wait(self._pumps, timeout=3)
        self._record.clear()

    async def _end(self, names: Sequence[str], seconds: float) -> None:
        ending = {name: self._applications[name] for name in names if name in self._applications}
        for process in ending.values():
            process.terminate()  # does nothing to one that ended
        await asyncio.to_thread(processes.wait_until, lambda: _have_ended(ending.values()), seconds)
        for name, process in ending.items():
            if process.poll() is None:
                self.console.say("dev", f"{name} did not stop in {seconds:.0f} s and is killed")
            _kill(process)
            process.wait()

    def _on_signal(self) -> None:
        if self._stopping:
            for process in self._applications.values():
                _kill(process)
        self._stopping = True


def _have_ended(running: Iterable[subprocess.Popen[bytes]]) -> bool:
    return all(process.poll() is not None for process in running)


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # its session is its own, so this takes its children too


def _reason(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {-code}"


async def _pump(descriptor: int, take: Callable[[str], None]) -> None:
    """Pass a process's output on, line by line, lines of any length."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    pipe = os.fdopen(descriptor, "rb", 0)
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    rest = b""
    with contextlib.closing(transport):
        while chunk := await reader.read(65536):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                take(line.decode(errors="replace").rstrip("\r"))
    if rest:
        take(rest.decode(errors="replace"))
