"""Requests that arrive simultaneously: all but their last bytes are sent in advance."""

import contextlib
import json
import socket
from collections.abc import Sequence
from http.client import HTTPResponse
from itertools import zip_longest
from urllib.parse import urlsplit

from tests.support.user import Json


def simultaneous_posts(
    addresses: Sequence[str], body: Json, *, tokens: Sequence[str] = ()
) -> list[tuple[int, Json]]:
    """POST one body to all of these addresses at once; return status and body of each response.

    With tokens, one for each address, no request waits for a reply.
    """
    content = json.dumps(body).encode()
    with contextlib.ExitStack() as stack:
        sockets = [
            stack.enter_context(_all_but_the_last_byte(address, content, token))
            for address, token in zip_longest(addresses, tokens)
        ]
        for connection in sockets:
            connection.sendall(content[-1:])
        return [_answer(connection) for connection in sockets]


def _all_but_the_last_byte(address: str, content: bytes, token: str | None) -> socket.socket:
    url = urlsplit(address)
    connection = socket.create_connection((url.hostname, url.port), timeout=60)
    signed_in = f"Authorization: Bearer {token}\r\nPrefer: respond-async\r\n" if token else ""
    head = (
        f"POST {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\nConnection: close\r\n{signed_in}\r\n"
    )
    connection.sendall(head.encode() + content[:-1])
    return connection


def _answer(connection: socket.socket) -> tuple[int, Json]:
    with contextlib.closing(HTTPResponse(connection)) as response:
        response.begin()
        return response.status, json.loads(response.read())
