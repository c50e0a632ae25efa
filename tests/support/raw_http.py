"""HTTP over plain sockets, for clients that send or read as no library does."""

import contextlib
import socket
from collections.abc import Iterator
from http.client import HTTPResponse
from urllib.parse import urlsplit

OPEN_SECONDS = 30.0
"""Longer than any timeout in these tests: a connection still open then is never closed."""


@contextlib.contextmanager
def connected(address: str, *, receive_buffer: int = 0) -> Iterator[socket.socket]:
    """Connect to an API process; with a small receive buffer, unread responses soon block their sender."""
    with socket.socket() as connection:
        if receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.settimeout(OPEN_SECONDS)
        connection.connect(("127.0.0.1", urlsplit(address).port))
        yield connection


def read_to_the_end(connection: socket.socket) -> bytes:
    """Read until the server closes the connection; fail if it does not."""
    data = bytearray()
    with contextlib.suppress(ConnectionError):
        while received := connection.recv(65536):
            data += received
    return bytes(data)


def read_status(connection: socket.socket) -> int:
    """Read one whole response, and return its status."""
    with contextlib.closing(HTTPResponse(connection)) as response:
        response.begin()
        response.read()
        return response.status


def talk(address: str, sent: bytes) -> bytes:
    """Send the bytes, and read until the server closes the connection."""
    with connected(address) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(sent)
        return read_to_the_end(connection)


def get(path: str, token: str, *headers: str) -> bytes:
    """Return a signed-in GET request."""
    lines = (f"GET {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {token}", *headers, "", "")
    return "\r\n".join(lines).encode()
