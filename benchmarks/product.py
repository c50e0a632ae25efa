"""The product as it is measured: its processes beside the light upstream, with users and rooms."""

import contextlib
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.load import request
from benchmarks.servers import Servers
from benchmarks.upstream import Pace
from devtools.ports import free_port, is_free
from tests.support.process import Process
from tests.support.stack import Stack
from tests.support.user import User, close_clients
from tests.support.waiting import eventually

_UNLIMITED = "1000000"
_SETTINGS = {
    "STREAMS_PER_USER": _UNLIMITED,
    "BASIC_ROOMS_PER_USER": _UNLIMITED,
    "PRO_ROOMS_PER_USER": _UNLIMITED,
    "LOG_FORMAT": "json",
}
_OWN_DEFAULTS = ("REPLY_LEASE_SECONDS", "REPLY_POLL_SECONDS")
"""Settings that the tests shorten, and which are measured as an operator has them."""
_TEXT = "Hello there, how are you?"


@dataclass(slots=True)
class Product:
    """A running product."""

    stack: Stack
    upstream_url: str
    users: list[User] = field(default_factory=list)
    rooms: list[list[str]] = field(default_factory=list)
    """The rooms of each user."""

    @property
    def upstream_port(self) -> int:
        """The port of the upstream."""
        return int(self.upstream_url.rpartition(":")[2])

    @property
    def port(self) -> int:
        """The port of the API that was started last."""
        return int(self.stack.base_url.rpartition(":")[2])

    def start_api(self, *, processes: int = 1, **settings: str) -> Process:
        """Start the API, behind `uvicorn --workers` if there are several processes; later users use it."""
        workers = {"WEB_CONCURRENCY": str(processes)} if processes > 1 else {}
        self.stack.base_url = self.stack.start_api(**workers, **settings)
        return self.stack.processes[-1]

    def start_workers(self, count: int = 1, **settings: str) -> list[int]:
        """Start workers and return their pids."""
        started = [self.stack.start_worker(**settings) for _ in range(count)]
        return [process.popen.pid for process in started]

    def sign_up(self, users: int, *, rooms: int) -> None:
        """Add users on Pro, each with so many rooms."""
        for _ in range(users):
            user = self.stack.user()
            self.stack.make_pro(user)
            self.users.append(user)
            self.rooms.append([user.open_room(title=f"Room {number}") for number in range(rooms)])

    def at_each(self) -> Iterator[tuple[User, str]]:
        """Go through all rooms, with users in turns."""
        for rooms in zip(*self.rooms, strict=True):
            yield from zip(self.users, rooms, strict=True)

    def streamed_sends(self, at_once: int) -> tuple[str, ...]:
        """Build requests that send a message and stream the reply, each in a room of its own."""
        body = f'{{"content":"{_TEXT}"}}'
        all_of_them = [
            request("POST", f"/chatroom/{room}/message/stream", user.token, body=body)
            for user, room in self.at_each()
        ]
        if len(all_of_them) < at_once:
            raise ValueError(f"{at_once} streams need as many rooms")
        return tuple(all_of_them[:at_once])


@contextmanager
def product(servers: Servers, pace: Pace | None = None) -> Iterator[Product]:
    """Migrate a database, run the upstream and Stripe's sandbox; the caller starts what it measures."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        stack = Stack(
            database_url=servers.database_url, redis_url=servers.redis_url, folder=Path(folder), **_SETTINGS
        )
        for name in _OWN_DEFAULTS:
            del stack.settings[name]
        try:
            stack.migrate()
            stack.start_sandbox()
            port = free_port()
            stack.start("upstream", "benchmarks.upstream", str(port), *(pace or Pace()).arguments())
            stack.settings["GEMINI_BASE_URL"] = f"http://127.0.0.1:{port}"
            eventually(lambda: not is_free(port), what="the upstream")
            yield Product(stack, stack.settings["GEMINI_BASE_URL"])
        finally:
            close_clients()
            for process in stack.processes:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.popen.pid, signal.SIGKILL)  # with the children of `uvicorn --workers`
            stack.stop()
