"""Clients that use the whole API through a balancer, and record every response that they should not get."""

import itertools
import threading
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import httpx

from tests.faults.ledger import Entry, Ledger, Try
from tests.faults.load import ANSWER
from tests.support.listener import Listener, events_address, read_events
from tests.support.user import Json, User

_READS = ("/chatroom", "/user/me", "/subscription/status", "/chatroom?limit=10", "/user/me/usage", "/models")
_MAX_CONNECTIONS = 50
"""Times that one stream may be continued."""


@dataclass
class Streamed:
    """A reply whose events a client followed to the end."""

    reply_id: str
    listener: Listener
    connections: int


@dataclass
class Record:
    """Requests and failures of all clients."""

    ledger: Ledger = field(default_factory=Ledger)
    requests: Counter[str] = field(default_factory=Counter)
    streams: list[Streamed] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, what: str) -> None:
        """Count a request."""
        with self._lock:
            self.requests[what] += 1

    @property
    def total(self) -> int:
        """Return the number of requests so far."""
        return sum(self.requests.values())


class ApiClient(threading.Thread):
    """Reads, sends, waits and streams in a loop until it is told to stop; it repeats nothing that failed."""

    def __init__(self, user: User, record: Record, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self._user, self._record, self._stopping = user, record, stop
        # Each request opens a connection: nginx closes idle ones when it reloads, and no server is to blame.
        user.http = httpx.Client(
            base_url=user.http.base_url,
            headers=user.http.headers,
            limits=httpx.Limits(max_keepalive_connections=0),
            timeout=70,
            trust_env=False,
        )

    def run(self) -> None:
        """Use the API until `stop` is set."""
        try:
            rooms = [self._user.open_room(title=f"Room {number}") for number in range(3)]
            for turn, room in enumerate(itertools.cycle(rooms)):
                if self._stopping.is_set():
                    return
                for address in (*_READS, f"/chatroom/{room}", f"/chatroom/{room}/message"):
                    for _ in range(3):
                        self._get(address)
                (self._send, self._wait, self._stream)[turn % 3](room)
        except Exception as error:  # noqa: BLE001  # a thread's failure must reach the test
            self._record.ledger.surprised(f"a client failed: {error!r}")
        finally:
            self._user.http.close()

    def _get(self, address: str) -> None:
        self._record.count("read")
        try:
            answer = self._user.http.get(address)
        except httpx.TransportError as error:
            self._record.ledger.surprised(f"GET {address}: {error!r}")
            return
        if answer.status_code != httpx.codes.OK:
            self._record.ledger.surprised(f"GET {address}: {answer.status_code} {answer.text[:200]}")

    def _entry(self, room: str) -> Entry:
        entry = Entry(self._user.id, room, f"{ANSWER} Note {uuid.uuid4().hex}", is_whole=True)
        return self._record.ledger.open(entry)

    def _send(self, room: str, prefer: str = "respond-async") -> None:
        entry, began = self._entry(room), time.monotonic()
        self._record.count("send")
        try:
            answer = self._user.post(room, entry.content, Prefer=prefer)
        except httpx.TransportError as error:
            self._record.ledger.surprised(f"send with {prefer}: {error!r}")
            return
        self._accept(entry, answer, began)

    def _wait(self, room: str) -> None:
        self._send(room, "wait=30")

    def _accept(self, entry: Entry, answer: httpx.Response, began: float, stored: Json | None = None) -> None:
        """Record the outcome of a message; `stored` is the first event of a stream."""
        status, ledger = answer.status_code, self._record.ledger
        ledger.tried(Try(began, status, time.monotonic() - began, has_retry_after=False))
        if not answer.is_success:
            ledger.surprised(f"send: {status} {answer.text[:200]}")
            return
        body = stored or answer.json()
        ledger.accepted(entry, message_id=body["message"]["id"], reply_id=body["reply"]["id"])

    def _stream(self, room: str) -> None:
        entry, began, listener = self._entry(room), time.monotonic(), Listener()
        path, connections = f"/chatroom/{room}/message", 0
        reply: Json | None = None
        while not listener.has_ended and connections < _MAX_CONNECTIONS:
            connections += 1
            self._record.count("stream")
            try:
                reply = self._follow(path, entry, listener, began, reply)
            except httpx.TransportError as error:
                self._record.ledger.surprised(f"stream cut without its last chunk: {error!r}")
            if reply is None:
                return
            path = events_address(reply)
        if reply is not None:
            self._record.streams.append(Streamed(reply["id"], listener, connections))

    def _follow(
        self, path: str, entry: Entry, listener: Listener, began: float, reply: Json | None
    ) -> Json | None:
        method, body = ("GET", None) if reply else ("POST", {"content": entry.content})
        headers = {"Accept": "text/event-stream", **(listener.headers() if reply else {})}
        with self._user.http.stream(method, path, json=body, headers=headers) as answer:
            if answer.status_code != httpx.codes.OK:
                text = answer.read()[:200]
                self._record.ledger.surprised(f"{method} stream: {answer.status_code} {text!r}")
                return reply
            for event in read_events(answer.iter_lines()):
                if event.kind == "message" and reply is None:
                    reply = event.data["reply"]
                    self._accept(entry, answer, began, event.data)
                listener.hear(event)
        return reply


class Clients:
    """Runs one `ApiClient` per user for the duration of the block."""

    def __init__(self, users: Sequence[User]) -> None:
        self.record = Record()
        self._stop = threading.Event()
        self._threads = [ApiClient(user, self.record, self._stop) for user in users]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(120)
            assert not thread.is_alive(), "a client hangs"

    def wait_for(self, requests: int) -> None:
        """Return when the clients have sent `requests` requests in all, or one of them failed."""
        until = time.monotonic() + 600
        while self.record.total < requests and not self.record.ledger.surprises:
            assert time.monotonic() < until, f"{self.record.total} requests after ten minutes"
            time.sleep(0.05)

    def wait_for_more(self, requests: int) -> None:
        """Return when the clients have sent so many further requests, or one of them failed."""
        self.wait_for(self.record.total + requests)
