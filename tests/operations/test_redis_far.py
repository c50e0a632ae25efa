"""Requests with a Redis that is distant, behind a NAT that drops connections silently, or unreachable."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from redis.exceptions import TimeoutError as RedisTimeoutError

from app.config import RedisAddress
from app.redis_client.breaker import OPEN_SECONDS, Breaker
from app.redis_client.connection import RedisConnection, RedisUnavailableError
from app.redis_client.connector import Connector
from tests.conftest import Servers
from tests.support.process import Process
from tests.support.relay import Relay
from tests.support.stack import Stack
from tests.support.user import User, client, ok, some_number
from tests.support.waiting import eventually, let_pass

_FAR_SECONDS = 0.12
_ANSWER_SECONDS = 2.5
_AT_ONCE = 10


@pytest.fixture
def through(own_stack: Stack) -> Iterator[Relay]:
    """Run a relay in front of the stack's Redis and its queue."""
    address = RedisAddress.parse(own_stack.redis_url)
    with Relay(address.port) as relay:
        own_stack.settings["REDIS_URL"] = _by(own_stack.redis_url, relay)
        own_stack.settings["CELERY_BROKER_URL"] = _by(own_stack.settings["CELERY_BROKER_URL"], relay)
        yield relay
        for process in own_stack.processes:  # before the servers that they are connected to
            process.kill()


def _by(url: str, relay: Relay) -> str:
    return url.replace(f":{RedisAddress.parse(url).port}", f":{relay.port}")


def _redis_status(base_url: str) -> str:
    with client(base_url) as anyone:
        status: str = anyone.get("/health").json()["checks"]["redis"]["status"]
        return status


def _api(stack: Stack, base_url: str) -> Process:
    port = base_url.rpartition(":")[2]
    [process] = [process for process in stack.processes if port in map(str, process.popen.args)]  # type: ignore[arg-type]  # a list
    return process


def test_a_redis_at_120_ms_serves_requests_and_wakes_workers(own_stack: Stack, through: Relay) -> None:
    """Red when a command's limit ends a connect, and when a block of commands has one limit."""
    through.delay = _FAR_SECONDS
    base_url = own_stack.start_api()
    worker = own_stack.start_worker(REPLY_POLL_SECONDS="3000", REPLY_LEASE_SECONDS="3000")
    eventually(lambda: _redis_status(base_url) == "up", what="a Redis that is up")
    user = User.sign_up(base_url)
    # This worker rarely polls, so only a wake-up starts the reply.
    exchange = user.say(user.open_room(), "From far away")
    assert exchange["reply"]["status"] == "completed"
    assert "redis_unavailable" not in _api(own_stack, base_url).log + worker.log
    assert "wake_up_dropped" not in _api(own_stack, base_url).log


def test_a_connect_that_outlasts_its_request_serves_the_next(own_stack: Stack, through: Relay) -> None:
    """Red when the request's limit ends the connect: each request then starts another."""
    through.delay = 0.4
    base_url = own_stack.start_api(REDIS_COMMAND_SECONDS="3")
    with client(base_url) as anyone:
        body = {"mobile_number": some_number(), "full_name": "Ada"}
        eventually(lambda: anyone.post("/auth/signup", json=body).is_success, what="an answer")
    assert through.accepted < _AT_ONCE


def test_requests_succeed_after_a_nat_has_dropped_every_idle_connection(
    own_stack: Stack, through: Relay
) -> None:
    """Red when a request fails with its connection."""
    base_url = own_stack.start_api()
    with client(base_url) as anyone, ThreadPoolExecutor(_AT_ONCE) as pool:
        numbers = [some_number() for _ in range(_AT_ONCE)]
        for number in numbers:
            ok(anyone.post("/auth/signup", json={"mobile_number": number, "full_name": "Ada"}))
        list(pool.map(lambda _: anyone.get("/health"), range(_AT_ONCE)))
        assert through.forget() > 0
        codes = pool.map(
            lambda number: anyone.post("/auth/send-otp", json={"mobile_number": number}).status_code, numbers
        )
        assert list(codes) == [200] * _AT_ONCE
    assert "redis_unavailable" not in _api(own_stack, base_url).log


def test_the_reply_listener_detects_a_dropped_connection(own_stack: Stack, through: Relay) -> None:
    """Red when only a closed connection ends the subscription: no event arrives after a silent drop."""
    base_url = own_stack.start_api()
    through.forget()
    log = _api(own_stack, base_url)
    eventually(
        lambda: "reply_listener_disconnected" in log.log, seconds=60, what="a listener that reconnects"
    )
    own_stack.start_worker()
    user = User.sign_up(base_url)
    assert user.say(user.open_room(), "Can you hear me?")["reply"]["status"] == "completed"


@contextmanager
def _unreachable() -> Iterator[int]:
    """Return a port at which no connect ever ends: its queue is full, so the kernel drops packets."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def test_posts_are_answered_in_time_while_redis_is_unreachable(own_stack: Stack) -> None:
    with _unreachable() as port:
        base_url = own_stack.start_api(REDIS_URL=f"redis://127.0.0.1:{port}/0")
        user = own_stack.user().at(base_url)
        room = user.at(own_stack.base_url).open_room()
        for _ in range(3):
            began = time.monotonic()
            answer = user.post(room, "A message without Redis", Prefer="respond-async")
            assert time.monotonic() - began < _ANSWER_SECONDS
            assert answer.status_code == 202
            let_pass(OPEN_SECONDS, since=time.monotonic())  # until the next one tries Redis again


async def _use(address: RedisAddress, relay: Relay) -> None:
    """Take a connection after the relay has dropped the idle one; it is checked first."""
    connector = Connector(
        address, connect_seconds=5, command_seconds=2, on_connected=lambda: None, recheck_idle_seconds=0
    )
    try:
        first = await connector.wait()
        assert connector.ready() is None
        relay.forget()
        began = time.monotonic()
        second = await connector.wait()
        assert second is not first
        assert time.monotonic() - began < 1  # far below the timeout of the lost connection
        assert await connector.wait() is second  # it answers, and is kept
    finally:
        await connector.aclose()


def test_an_idle_connection_is_pinged_before_a_command(servers: Servers) -> None:
    """Red when an idle connection is used without a PING: a command is lost, and half a second."""
    address = RedisAddress.parse(servers.redis_url)
    with Relay(address.port) as relay:
        asyncio.run(_use(RedisAddress.parse(_by(servers.redis_url, relay)), relay))


def test_a_late_connect_closes_the_breaker(servers: Servers) -> None:
    """Red when the breaker stays open after a connection was made."""

    async def wait_for_it(address: RedisAddress) -> None:
        breaker = Breaker(open_seconds=600)
        redis = RedisConnection(address, breaker, command_seconds=5)
        try:
            with pytest.raises(RedisUnavailableError):
                await redis.run("PING")
            assert breaker.is_open
            await asyncio.to_thread(eventually, lambda: not breaker.is_open, what="a breaker that closes")
            assert await redis.run("PING") == "PONG"
        finally:
            await redis.aclose()

    address = RedisAddress.parse(servers.redis_url)
    with Relay(address.port, delay=0.4) as relay:
        asyncio.run(wait_for_it(RedisAddress.parse(_by(servers.redis_url, relay))))
        assert relay.accepted == 1


def test_a_refused_connection_is_logged(own_stack: Stack) -> None:
    base_url = own_stack.start_api(REDIS_URL="redis://:hidden-password@127.0.0.1:9/0")
    assert _redis_status(base_url) == "down"
    log = _api(own_stack, base_url).log
    assert "Connection refused" in log
    assert "hidden-password" not in log


def test_an_old_connect_that_fails_does_not_fail_a_new_request(servers: Servers) -> None:
    """Red when a failed connect fails a request for which another one is under way."""

    async def wait_twice(relay: Relay, address: RedisAddress) -> None:
        connector = Connector(address, connect_seconds=1.3, command_seconds=5, on_connected=lambda: None)
        try:
            relay.swallow()
            with pytest.raises(RedisTimeoutError, match="connecting goes on"):
                await connector.wait()
            relay.serve()
            assert (await connector.wait()).is_open
        finally:
            await connector.aclose()

    address = RedisAddress.parse(servers.redis_url)
    with Relay(address.port, delay=0.12) as relay:
        asyncio.run(wait_twice(relay, RedisAddress.parse(_by(servers.redis_url, relay))))
