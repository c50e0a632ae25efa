"""Time from the start of an API process to its first answer, beside a bare FastAPI."""

import contextlib
import socket
import time
from typing import Final

from benchmarks.options import Options
from benchmarks.product import Product, product
from benchmarks.report import Section, at_most, state
from benchmarks.series import Series
from benchmarks.servers import Servers
from devtools.ports import free_port

NAME: Final = "start"
_ABOUT: Final = (
    "From the start of `uvicorn app.main:app` to the first 200. The floor is FastAPI with the same libraries."
)
_PAUSE_SECONDS: Final = 0.005
_LONGEST_SECONDS: Final = 60
_OURS: Final = ("app.main:app",)
_FLOOR: Final = ("benchmarks.floor:app", "--no-access-log")


def measure(servers: Servers, options: Options) -> list[Section]:
    """Start both in turns; the first starts, which compile, do not count."""
    with product(servers) as made:
        for arguments in (_OURS, _FLOOR):
            _start(made, *arguments)
        pairs = [(_start(made, *_OURS), _start(made, *_FLOOR)) for _ in range(options.rounds)]
    ours, bare = (Series.of(times) for times in zip(*pairs, strict=True))
    rows = (state("start of an API process", ours, " s", at_most(1.2, " s"), floor=bare.written(" s")),)
    return [Section(NAME, _ABOUT, rows)]


def _start(made: Product, *arguments: str) -> float:
    """Start a process, end it after its first answer, and return the seconds up to that."""
    port, began = free_port(), time.perf_counter()
    process = made.stack.start("api", "uvicorn", *arguments, "--port", str(port))
    try:
        while not _answers(port):
            if process.popen.poll() is not None or time.perf_counter() - began > _LONGEST_SECONDS:
                raise RuntimeError(f"no answer:\n{process.log}")
            time.sleep(_PAUSE_SECONDS)
        return time.perf_counter() - began
    finally:
        process.kill()


def _answers(port: int) -> bool:
    with (
        contextlib.suppress(OSError),
        socket.create_connection(("127.0.0.1", port), _LONGEST_SECONDS) as connection,
    ):
        connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        return connection.recv(64).startswith(b"HTTP/1.1 200")
    return False
