"""Idle listeners on one API process: what each costs, and what other requests take meanwhile."""

import contextlib
import resource
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Final

from benchmarks.cost import memory_mib
from benchmarks.load import Plan, request, run_load
from benchmarks.options import Options
from benchmarks.product import Product, product
from benchmarks.report import Row, Section, at_most, compare, state
from benchmarks.series import Series, percentile
from benchmarks.servers import Servers
from tests.support.user import ok

NAME: Final = "listeners"
_MOST: Final = 2_000
_OTHER_FILES: Final = 300
"""Files that a process may need besides its listeners."""
_USERS: Final = 20
_ROOMS: Final = 5
_SETTLE_SECONDS: Final = 5
_HEAD_END: Final = b"\r\n\r\n"


def measure(servers: Servers, options: Options) -> list[Section]:
    """Measure memory and other requests before and while listeners wait for pending replies."""
    count = min(_MOST, _raise_file_limit() - _OTHER_FILES)
    limited = "" if count == _MOST else f" This machine's limit of open files allows no {_MOST:,}."
    about = f"{count:,} streams of {_USERS * _ROOMS} pending replies on one API process.{limited}"
    with product(servers) as made, ExitStack() as open_streams:
        api = made.start_api().popen.pid
        made.sign_up(_USERS, rooms=_ROOMS)
        streams = list(_streams(made))
        for _ in range(2):  # the process has grown before it is measured
            with ExitStack() as first_streams:
                _open(first_streams, made.port, streams)
            time.sleep(1)
        before, alone = memory_mib([api]), _slowest(made, options)
        _open(open_streams, made.port, [streams[number % len(streams)] for number in range(count)])
        time.sleep(_SETTLE_SECONDS)
        meanwhile = _slowest(made, options)
        kib = (memory_mib([api]) - before) * 1024 / count
    return [Section(NAME, about, tuple(_rows(kib, meanwhile, alone)))]


def _rows(kib: float, meanwhile: float, alone: float) -> Iterator[Row]:
    yield state("an idle listener", Series.of([kib]), " KiB", at_most(25, " KiB"))
    yield compare(
        "p99 of another client's GET /user/me; floor: without listeners",
        Series.of([meanwhile]),
        Series.of([alone]),
        " ms",
    )


def _streams(made: Product) -> Iterator[str]:
    """Send messages that no worker answers, and build requests for their events."""
    for user, room in made.at_each():
        reply = ok(user.post(room, "Hello there", Prefer="respond-async"))["reply"]
        yield request("GET", f"/chatroom/{room}/message/{reply['id']}/events", user.token)


def _open(open_streams: ExitStack, port: int, requests: Sequence[str]) -> None:
    """Open a stream for each request, and wait for the head of its answer."""
    for text in requests:
        connection = open_streams.enter_context(socket.create_connection(("127.0.0.1", port), 30))
        connection.sendall(text.encode())
        received = b""
        while _HEAD_END not in received:
            piece = connection.recv(4096)
            if not piece or not b"HTTP/1.1 200".startswith((received + piece)[:12]):
                raise RuntimeError(f"no stream: {received + piece!r}")
            received += piece


def _slowest(made: Product, options: Options) -> float:
    """Return the p99 of one client's requests, in milliseconds."""
    user = made.users[0]
    plan = Plan(made.port, (request("GET", "/user/me", user.token),), 1, 2 * options.seconds)
    return percentile(run_load(plan).times_ms, 0.99)


def _raise_file_limit() -> int:
    """Raise the limit of open files of this process and those that it starts, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
        with contextlib.suppress(ValueError, OSError):  # macOS has a lower limit of its own
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft
