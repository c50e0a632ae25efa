"""Send prepared requests over keep-alive connections, each in a closed loop, and time the answers.

A process of its own, so that its CPU time does not count as another's: the plan comes as JSON on standard
input, the outcome goes as JSON to standard output. `run_load` starts it.
"""

import asyncio
import json
import math
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import cast

import uvloop

_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_LAST_CHUNK = b"\r\n0\r\n\r\n"
_WITHOUT_BODY = (b"204", b"304")
_PATIENCE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Plan:
    """What to send: connection number n sends request number n, counted round."""

    port: int
    requests: tuple[str, ...]
    connections: int
    seconds: float = 0.0
    """No request is sent after this time; 0: `times` requests on each connection."""
    times: int = 1
    first: str = ""
    """Bytes whose arrival is timed, too."""
    proof: str = ""
    """Bytes that a successful answer contains."""
    mark: str = ""
    """Bytes of which the answers are counted that contain them."""


@dataclass(slots=True)
class Outcome:
    """What came back."""

    done: int = 0
    marked: int = 0
    seconds: float = 0.0
    """From the first request to the last answer."""
    times_ms: list[float] = field(default_factory=list)
    first_ms: list[float] = field(default_factory=list)
    """From request to the bytes of `first`."""
    complaint: str = ""
    """The beginning of the first answer that was no success."""

    @property
    def per_second(self) -> float:
        """Return the answers a second."""
        return self.done / self.seconds


class LoadFailed(Exception):
    """An answer was no success, so that its time means nothing."""


def request(method: str, path: str, token: str = "", *, body: str = "", headers: Sequence[str] = ()) -> str:
    """Write an HTTP request; `headers` are whole lines."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *headers]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body.encode())}"]
    return "\r\n".join([*lines, "", body])


def run_load(plan: Plan) -> Outcome:
    """Send the requests from a process of their own; raises LoadFailed unless every answer is a success."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"],
        input=json.dumps(asdict(plan)),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        start_new_session=True,  # Ctrl-C ends it through this process, without a traceback of its own
    )
    outcome = Outcome(**json.loads(done.stdout))
    if outcome.complaint:
        raise LoadFailed(outcome.complaint)
    return outcome


class _Connection(asyncio.Protocol):
    """One connection: sends its request again whenever the answer is complete."""

    def __init__(self, plan: Plan, number: int, outcome: Outcome) -> None:
        self._request = plan.requests[number % len(plan.requests)].encode()
        self._left = plan.times if not plan.seconds else sys.maxsize
        self._first, self._proof, self._mark = plan.first.encode(), plan.proof.encode(), plan.mark.encode()
        self._outcome = outcome
        self._until = 0.0
        self._buffer = b""
        self._sent = 0.0
        self._has_first = False
        self._transport: asyncio.Transport
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def start(self, *, until: float) -> None:
        """Send the first request; none is sent after `until`, of `perf_counter`."""
        self._until = until
        self._send()

    def _send(self) -> None:
        self._left -= 1
        if self._left < 0 or time.perf_counter() > self._until:
            self._transport.close()
            return
        self._buffer, self._has_first = b"", not self._first
        self._sent = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Take a part of the answer."""
        self._buffer = self._buffer + data if self._buffer else data
        if not self._has_first and self._first in self._buffer:
            self._has_first = True
            self._outcome.first_ms.append((time.perf_counter() - self._sent) * 1000)
        if is_complete(self._buffer):
            self._note()
            self._send()

    def _note(self) -> None:
        self._outcome.times_ms.append((time.perf_counter() - self._sent) * 1000)
        if self._buffer[9:10] == b"2" and self._proof in self._buffer and self._has_first:
            self._outcome.done += 1
        elif not self._outcome.complaint:
            self._outcome.complaint = self._buffer[:2000].decode(errors="replace")
        if self._mark and self._mark in self._buffer:
            self._outcome.marked += 1

    def connection_lost(self, exc: Exception | None) -> None:
        """End; before its time this is a failure."""
        if not self._transport.is_closing() or exc:
            self._outcome.complaint = self._outcome.complaint or f"a lost connection: {exc}"
        if not self.ended.done():
            self.ended.set_result(None)

    def eof_received(self) -> None:
        """A server that closes has not answered everything."""
        self._outcome.complaint = self._outcome.complaint or "the server has closed a connection"


def is_complete(answer: bytes) -> bool:
    """Tell whether an HTTP answer has arrived as a whole."""
    head_end = answer.find(_HEAD_END)
    if head_end < 0:
        return False
    head = answer[:head_end]
    if head[9:12] in _WITHOUT_BODY:
        return True
    if length := _LENGTH.search(head):
        return len(answer) >= head_end + len(_HEAD_END) + int(length[1])
    return answer.endswith(_LAST_CHUNK)


async def _send_all(plan: Plan) -> Outcome:
    loop, outcome = asyncio.get_running_loop(), Outcome()
    connections = [_Connection(plan, number, outcome) for number in range(plan.connections)]
    waiting = iter(connections)
    for _ in connections:  # before the time begins
        await loop.create_connection(waiting.__next__, "127.0.0.1", plan.port)
    began = time.perf_counter()
    for connection in connections:
        connection.start(until=began + plan.seconds if plan.seconds else math.inf)
    ended = asyncio.gather(*(connection.ended for connection in connections))
    try:
        await asyncio.wait_for(ended, plan.seconds + _PATIENCE_SECONDS)
    except TimeoutError:
        outcome.complaint = outcome.complaint or f"an answer took more than {_PATIENCE_SECONDS} s"
    outcome.seconds = time.perf_counter() - began
    return outcome


if __name__ == "__main__":
    _given = json.load(sys.stdin)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        _outcome = runner.run(_send_all(Plan(**_given)))
    json.dump(asdict(_outcome), sys.stdout)
