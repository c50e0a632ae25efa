"""A server that sends the same stream in response to every request, part by part."""

import contextlib
import socket
import socketserver
import struct
import threading
from collections.abc import Sequence
from enum import Enum
from types import TracebackType
from typing import Self

_RESET_AT_CLOSE = struct.pack("ii", 1, 0)


class End(Enum):
    """How the server ends its stream."""

    WHOLE = "the last chunk of the transfer coding, and the connection stays open"
    CLOSED = "the connection is closed in the midst of the transfer coding"
    RESET = "the connection is reset"
    SILENT = "nothing follows, and the connection stays open"
    REPEATED = "the last part is sent again and again"


class _Handler(socketserver.BaseRequestHandler):
    request: socket.socket
    server: "_Server"

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            while self._read_request():
                self.server.owner.requests += 1
                self._answer(self.server.owner)

    def _read_request(self) -> bool:
        received = b""
        while b"\r\n\r\n" not in received:
            if not (part := self.request.recv(65_536)):
                return False
            received += part
        head, _, body = received.lower().partition(b"\r\n\r\n")
        [length] = [int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:")]
        while len(body) < length:
            body += self.request.recv(65_536)
        return True

    def _answer(self, owner: "StreamingServer") -> None:
        self.request.sendall(owner.head)
        for number, part in enumerate(owner.parts):
            if number < len(owner.pauses):
                owner.closing.wait(owner.pauses[number])
            self._send(part)
        while owner.end is End.REPEATED and not owner.closing.wait(0.05):
            self._send(owner.parts[-1])
        if owner.end is End.WHOLE:
            self.request.sendall(b"0\r\n\r\n")
        else:
            self._break(owner)

    def _send(self, part: bytes) -> None:
        try:
            self.request.sendall(b"%x\r\n%s\r\n" % (len(part), part))
        except OSError:
            self.server.owner.left.set()
            raise

    def _break(self, owner: "StreamingServer") -> None:
        if owner.end is End.SILENT and not self.request.recv(1):
            owner.left.set()
        if owner.end is End.RESET:
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
        self.request.close()
        raise ConnectionAbortedError


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, owner: "StreamingServer") -> None:
        self.owner = owner
        super().__init__(("127.0.0.1", 0), _Handler)


class StreamingServer:
    """A server on its own port; `requests` counts the requests received.

    `left` is set when a client closes its connection in the middle of a response.
    """

    def __init__(
        self,
        *parts: bytes,
        end: End = End.WHOLE,
        status: str = "200 OK",
        headers: str = "Content-Type: text/event-stream",
        pauses: Sequence[float] = (),
    ) -> None:
        """Prepare the stream; `pauses` are the seconds before each part, 0 by default."""
        self.parts, self.end, self.pauses = parts, end, pauses
        self.head = f"HTTP/1.1 {status}\r\n{headers}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        self.requests = 0
        self.left = threading.Event()
        self.closing = threading.Event()
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
