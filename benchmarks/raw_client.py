"""One keep-alive connection of raw bytes, whose own time is small beside what it measures."""

import json
import select
import socket
import time
from dataclasses import dataclass

from benchmarks.load import LoadFailed, is_complete
from tests.support.user import Json

_HEAD_END = b"\r\n\r\n"


@dataclass(slots=True)
class Answer:
    """An answer, and the milliseconds until all of it (or its first bytes) had arrived."""

    raw: bytes
    ms: float

    def json(self) -> Json:
        """Parse the body."""
        body: Json = json.loads(self.raw.partition(_HEAD_END)[2])
        return body


class RawClient:
    """Sends one request after the other."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connection: socket.socket | None = None

    def ask(self, request: str, *, first_bytes: bool = False) -> Answer:
        """Send a request and wait for its answer; raises LoadFailed unless that is a success.

        With `first_bytes` the wait ends with the first bytes of the body, and the rest is not read.
        """
        connection = self._open()
        began, received = time.perf_counter(), b""
        connection.sendall(request.encode())
        while not is_complete(received):
            if first_bytes and received.partition(_HEAD_END)[2]:
                break
            piece = connection.recv(65536)
            if not piece:
                raise LoadFailed("the server has closed the connection")
            received += piece
        answer = Answer(received, (time.perf_counter() - began) * 1000)
        if first_bytes:
            self.close()
        if received[9:10] != b"2":
            raise LoadFailed(received[:2000].decode(errors="replace"))
        return answer

    def _open(self) -> socket.socket:
        """Return the connection; another one if the server has closed it, as it does when nothing is sent."""
        if self._connection is not None and select.select([self._connection], [], [], 0)[0]:
            self.close()  # between requests, nothing but its end arrives
        if self._connection is None:
            self._connection = socket.create_connection(("127.0.0.1", self._port), 60)
            self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._connection

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
