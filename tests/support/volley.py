"""Requests that arrive at the same moment: all but their last bytes are sent ahead."""

import contextlib
import json
import socket
from collections.abc import Sequence
from http.client import HTTPResponse
from urllib.parse import urlsplit

from tests.support.person import Json


def volley(addresses: Sequence[str], body: Json) -> list[tuple[int, Json]]:
    """POST one body to all of these addresses at once; status and body of each answer."""
    content = json.dumps(body).encode()
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(_all_but_the_last_byte(address, content)) for address in addresses]
        for connection in sockets:
            connection.sendall(content[-1:])
        return [_answer(connection) for connection in sockets]


def _all_but_the_last_byte(address: str, content: bytes) -> socket.socket:
    url = urlsplit(address)
    connection = socket.create_connection((url.hostname, url.port), timeout=60)
    head = (
        f"POST {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n"
    )
    connection.sendall(head.encode() + content[:-1])
    return connection


def _answer(connection: socket.socket) -> tuple[int, Json]:
    with contextlib.closing(HTTPResponse(connection)) as response:
        response.begin()
        return response.status, json.loads(response.read())
