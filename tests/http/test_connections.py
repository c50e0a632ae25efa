"""Limits on one connection: request heads, silence, pipelining, unread responses."""

import contextlib
import re
import time
from pathlib import Path

import pytest

from tests.support.memory import memory_mib, peak_memory_mib
from tests.support.others import others_waiting
from tests.support.raw_http import OPEN_SECONDS, connected, read_to_the_end, talk
from tests.support.stack import Stack
from tests.support.user import User, client, ok
from tests.support.waiting import eventually

_GET = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"


def _problem(received: bytes, status: int, code: str) -> None:
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), received[:500]
    assert b"application/problem+json" in head
    assert b'"code":"%b"' % code.encode() in body
    [request_id] = re.findall(rb"x-request-id: (\w+)", head.lower())
    assert b'"request_id":"%b"' % request_id in body


@pytest.fixture(scope="module")
def hurried(stack: Stack) -> str:
    """An API process whose time limits are one second."""
    return stack.start_api("tests.support.short_body_timeout:app")


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 70_000,
        b"GET /" + b"a" * 70_000,
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-Many: x\r\n" * 101,
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: %b\r\n" % (n, b"a" * 8000) for n in range(9)),
    ],
    ids=["one header", "request line", "101 headers", "64 KiB in all"],
)
def test_a_head_over_the_limit_is_431_as_problem_json(stack: Stack, head: bytes) -> None:
    _problem(talk(stack.base_url, head + b"\r\n\r\n"), 431, "request_head_too_large")


def test_a_head_within_the_limit_is_answered(user: User) -> None:
    headers = {f"X-{number}": "a" * 3800 for number in range(16)}
    assert ok(user.http.get("/user/me", headers=headers))["id"] == user.id


def test_150_mb_of_headers_are_cut_off_early_and_delay_no_other_client(stack: Stack) -> None:
    """Red without the limit: the process keeps all of it, over 500 MB."""
    address = stack.start_api()
    pid = stack.processes[-1].popen.pid
    lines = b"".join(b"X-%d: %b\r\n" % (number, b"a" * 1000) for number in range(1000))
    with others_waiting(stack, at=address) as others:
        before, sent = memory_mib(pid), 0
        with connected(address) as connection, contextlib.suppress(ConnectionError):
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
            for _ in range(150):
                connection.sendall(lines)
                sent += len(lines)
        grown = peak_memory_mib(pid) - before
    stack.processes[-1].stop()
    others.assert_served_within(0.5)
    assert sent < 100_000_000
    assert grown < 40, f"{grown:.0f} MiB"


def test_endless_trailers_are_cut_off_and_are_not_headers(stack: Stack) -> None:
    """Red without the count after the body: the process keeps them all as headers of the request."""
    head = b"POST /auth/signup HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
    with connected(stack.base_url) as connection, contextlib.suppress(ConnectionError):
        connection.sendall(head)
        for _ in range(1000):
            connection.sendall(b"X-Trailer: x\r\n" * 1000)
        pytest.fail("14 MB of trailers were taken")


def test_bytes_that_are_not_http_are_400_as_problem_json(stack: Stack) -> None:
    for garbage in (
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"NONSENSE\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
    ):
        _problem(talk(stack.base_url, garbage), 400, "request_malformed")


def test_a_head_that_arrives_too_slowly_is_408(hurried: str) -> None:
    """Red without the limit: the connection stays open as long as bytes arrive."""
    began = time.monotonic()
    with connected(hurried) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
        connection.settimeout(0.2)
        received = b""
        while time.monotonic() - began < OPEN_SECONDS and not received:
            connection.sendall(b"a")
            with contextlib.suppress(TimeoutError):
                received = connection.recv(65536)
    assert time.monotonic() - began < 10
    _problem(received, 408, "request_timeout")


def test_a_silent_connection_is_closed_without_a_response(hurried: str) -> None:
    with connected(hurried) as connection:
        assert read_to_the_end(connection) == b""
    with connected(hurried) as connection:
        connection.sendall(b"\r\n")  # servers ignore an empty line before a request
        assert read_to_the_end(connection) == b""


def test_a_connection_that_sends_a_body_slowly_after_its_response_is_closed(hurried: str) -> None:
    """Red when only heads are timed: uvicorn's own timeout ends with the first byte received."""
    began = time.monotonic()
    with connected(hurried) as connection:
        connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while time.monotonic() - began < OPEN_SECONDS:
                connection.sendall(b"a")
                time.sleep(0.1)
    assert time.monotonic() - began < 10


def test_900_silent_connections_are_closed_in_10_seconds_while_others_are_served(stack: Stack) -> None:
    """Red without the limit: they stay open for ever."""
    address = stack.start_api()
    pid = stack.processes[-1].popen.pid
    with others_waiting(stack, at=address) as others, contextlib.ExitStack() as held:
        began = time.monotonic()
        silent = [held.enter_context(connected(address)) for _ in range(900)]
        for connection in silent[::3]:
            connection.sendall(b"GET / HTTP/1.1\r\nHo")
        eventually(lambda: _open_sockets(pid) > 900, what="900 connections")
        eventually(lambda: _open_sockets(pid) < 100, seconds=60, what="their end")
        assert 8 < time.monotonic() - began < 30
    stack.processes[-1].stop()
    others.assert_served_within(0.5)


def _open_sockets(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def test_pipelined_requests_are_answered_in_order_and_held_outside_memory(stack: Stack) -> None:
    """Red when all received bytes are parsed: each connection keeps thousands of requests in memory."""
    address = stack.start_api()
    pid = stack.processes[-1].popen.pid
    with others_waiting(stack, at=address) as others:
        before = memory_mib(pid)
        with contextlib.ExitStack() as held:
            unread = [held.enter_context(connected(address, receive_buffer=4096)) for _ in range(10)]
            for connection in unread:
                connection.settimeout(0.2)
                with contextlib.suppress(TimeoutError, ConnectionError):
                    connection.sendall(_GET * 25_000)
            grown = peak_memory_mib(pid) - before
        received = talk(address, _GET * 500 + _GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    stack.processes[-1].stop()
    assert received.count(b"HTTP/1.1 200 OK") == received.count(b'{"status":"healthy"}') == 501
    others.assert_served_within(1.0)
    assert grown < 60, f"{grown:.0f} MiB"


def test_an_invalid_request_after_valid_ones_spoils_no_response(stack: Stack) -> None:
    received = talk(stack.base_url, _GET * 3 + b"NONSENSE\r\n\r\n")
    assert received.count(b"HTTP/1.1 200 OK") == 3
    _problem(received[received.index(b"HTTP/1.1 400") :], 400, "request_malformed")


@pytest.mark.parametrize("protocol", ["websocket", "h2c"])
def test_an_upgrade_is_ignored_and_the_request_answered(stack: Stack, protocol: str) -> None:
    """Red without `--ws none` in the command: uvicorn's WebSocket protocol reads without limits."""
    head = (
        f"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    received = talk(stack.base_url, head.encode())
    assert received.startswith(b"HTTP/1.1 200 OK")
    assert b"connection: close" in received.lower()


def test_http_1_0_is_answered_and_closed(stack: Stack) -> None:
    received = talk(stack.base_url, b"GET /health/live HTTP/1.0\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 200 OK")
    assert received.endswith(b'{"status":"healthy"}')


def test_every_process_of_uvicorn_has_the_limits(stack: Stack) -> None:
    """Red when they are installed only in the process that imports the application first."""
    address = stack.start_api(WEB_CONCURRENCY="2")
    for _ in range(8):
        _problem(talk(address, b"GET /" + b"a" * 70_000), 431, "request_head_too_large")
    with client(address) as anyone:
        ok(anyone.get("/health/live"))
    stack.processes[-1].stop()
