"""Commands that share one connection to Redis: order, errors, sizes, losses and a server that hangs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import pytest
import redis
from redis.exceptions import NoPermissionError, RedisError, ResponseError

from app.config import RedisAddress
from app.redis_client.breaker import Breaker
from app.redis_client.connection import RedisConnection, RedisUnavailableError, Script
from app.redis_client.pipeline import NoReplyError, Pipeline
from app.redis_client.wire import open_stream
from tests.conftest import Servers
from tests.support.relay import Relay

pytestmark = pytest.mark.server_version

_MANY: Final = 200
_LONG_SECONDS: Final = 30
_ECHO: Final = Script[list[str]]("return {KEYS[1], ARGV[1]}")
_HELLO: Final = b"%1\r\n$6\r\nserver\r\n$5\r\nredis\r\n"


def _run(url: str, use: Callable[[RedisConnection], Awaitable[None]], *, command_seconds: float = 5) -> None:
    """Run a block with a connection of its own."""

    async def run() -> None:
        redis = RedisConnection(
            RedisAddress.parse(url), Breaker(open_seconds=0), command_seconds=command_seconds
        )
        try:
            await use(redis)
        finally:
            await redis.aclose()

    asyncio.run(run())


def _cause(raised: pytest.ExceptionInfo[RedisUnavailableError]) -> RedisError:
    cause = raised.value.__cause__
    assert isinstance(cause, RedisError)
    return cause


def test_each_caller_gets_its_own_reply_also_after_others_were_cancelled(servers: Servers) -> None:
    """Red when the reply to a cancelled caller is not skipped."""

    async def use(redis: RedisConnection) -> None:
        callers = [asyncio.create_task(redis.run("ECHO", str(number))) for number in range(_MANY)]
        await asyncio.sleep(0)
        connection_id = await redis.run("CLIENT", "ID")
        callers += [asyncio.create_task(redis.run("ECHO", str(number))) for number in range(_MANY)]
        await asyncio.sleep(0)
        for caller in callers[_MANY::2]:
            caller.cancel()
        replies = await asyncio.gather(*callers, return_exceptions=True)
        assert replies[:_MANY] == [str(number) for number in range(_MANY)]
        assert replies[_MANY + 1 :: 2] == [str(number) for number in range(1, _MANY, 2)]
        assert await redis.run("CLIENT", "ID") == connection_id

    _run(servers.redis_url, use)


def test_values_of_any_size_and_kind_come_back_as_they_were(servers: Servers) -> None:
    async def use(redis: RedisConnection) -> None:
        values = ["", "é\r\n$3\r\n😀", "x" * 64 * 1024, "ü" * 3_000_000]
        for value in values:
            assert await redis.run("SET", "any", value) == "OK"
            assert await redis.run("GET", "any") == value
        assert await asyncio.gather(*(redis.run("ECHO", value) for value in values * 3)) == values * 3
        assert await redis.run("GET", "none") is None
        assert await redis.run("DEL", "any", "none") == 1
        assert await redis.run_script(_ECHO, ["key"], ["ü"]) == ["key", "ü"]

    _run(servers.redis_url, use)


def test_an_error_concerns_its_own_command_only(servers: Servers) -> None:
    """Red when a reply that is an error, or is no UTF-8, ends the connection."""

    async def use(redis: RedisConnection) -> None:
        await redis.run("SET", "text", b"\xff")
        commands = (("ECHO", "1"), ("LPUSH", "text", "1"), ("NO-SUCH",), ("GET", "text"), ("ECHO", "2"))
        first, wrong_type, unknown, undecodable, last = await asyncio.gather(
            *(redis.run(*command) for command in commands), return_exceptions=True
        )
        assert (first, last) == ("1", "2")
        assert isinstance(wrong_type, RedisUnavailableError)
        assert isinstance(wrong_type.__cause__, ResponseError)
        assert "WRONGTYPE" in str(wrong_type.__cause__)
        assert isinstance(unknown, RedisUnavailableError)
        assert isinstance(undecodable, UnicodeDecodeError)
        with pytest.raises(RedisUnavailableError) as failed:
            await redis.run_script(Script[None]("error('on purpose')"), [], [])
        assert "on purpose" in str(_cause(failed))

    _run(servers.redis_url, use)


def test_a_script_is_sent_again_when_redis_has_forgotten_it(servers: Servers) -> None:
    """Red without the script's text after NOSCRIPT."""

    async def use(redis: RedisConnection) -> None:
        for _ in range(2):
            assert await redis.run_script(_ECHO, ["a"], ["b"]) == ["a", "b"]
            await redis.run("SCRIPT", "FLUSH")

    _run(servers.redis_url, use)


def test_commands_on_a_connection_that_is_closed_are_repeated_on_a_new_one(servers: Servers) -> None:
    """Red without the second try: each command in flight fails."""

    async def use(redis_: RedisConnection) -> None:
        own_id = await redis_.run("CLIENT", "ID")
        with redis.Redis.from_url(servers.redis_url) as other:
            held = asyncio.create_task(redis_.run("BLPOP", "nothing", "3"))
            others = [asyncio.create_task(redis_.run("ECHO", str(number))) for number in range(_MANY)]
            await asyncio.sleep(0.1)
            other.client_kill_filter(_id=str(own_id))
            await asyncio.sleep(0.1)
            other.lpush("nothing", "something")
            assert await held == ["nothing", "something"]
            assert await asyncio.gather(*others) == [str(number) for number in range(_MANY)]
        assert await redis_.run("CLIENT", "ID") != own_id

    _run(servers.redis_url, use)


def test_commands_on_a_connection_dropped_while_idle_are_repeated_on_a_new_one(servers: Servers) -> None:
    """Red without the second try after a command without a reply."""
    port = RedisAddress.parse(servers.redis_url).port

    async def use(redis: RedisConnection) -> None:
        await redis.run("PING")
        relay.forget()
        replies = await asyncio.gather(*(redis.run("ECHO", str(number)) for number in range(_MANY)))
        assert replies == [str(number) for number in range(_MANY)]

    with Relay(port) as relay:
        _run(servers.redis_url.replace(f":{port}", f":{relay.port}"), use, command_seconds=0.5)
        assert relay.accepted == 2


@asynccontextmanager
async def _server(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """Accept connections, answer the handshake, and leave the rest to `serve`."""
    tasks: list[asyncio.Task[None]] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"HELLO\r\n$1\r\n3\r\n")
            writer.write(_HELLO)
            await serve(reader, writer)
        finally:
            writer.transport.abort()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.create_task(answer(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # the transports close


def _serve(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    use: Callable[[RedisConnection], Awaitable[None]],
) -> None:
    async def run() -> None:
        async with _server(serve) as url:
            redis = RedisConnection(RedisAddress.parse(url), Breaker(open_seconds=0), command_seconds=0.4)
            try:
                await use(redis)
            finally:
                await redis.aclose()

    asyncio.run(run())


def test_a_large_reply_that_arrives_slowly_does_not_time_out_the_commands_behind_it() -> None:
    """Red when the time of a command is not counted from the last data received."""
    pieces = 10

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"last\r\n")
        writer.write(b"$%d\r\n" % (1000 * pieces))
        for _ in range(pieces):
            await asyncio.sleep(0.1)
            writer.write(b"x" * 1000)
        writer.write(b"\r\n$4\r\nlast\r\n")
        await reader.read()

    async def use(redis: RedisConnection) -> None:
        large, last = await asyncio.gather(redis.run("GET", "large"), redis.run("ECHO", "last"))
        assert (large, last) == ("x" * 1000 * pieces, "last")

    _serve(serve, use)


def test_a_server_that_stops_reading_fails_callers_in_time_and_fills_no_memory() -> None:
    """Red without the watch over the oldest command, and without the limit of unsent bytes."""
    value = "x" * 100_000

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del reader, writer
        await asyncio.sleep(_LONG_SECONDS)

    async def run() -> None:
        async with _server(serve) as url:
            stream = await open_stream(RedisAddress.parse(url), connect_seconds=5)
            pipeline = Pipeline(stream, reply_seconds=0.4)
            setting = [asyncio.create_task(pipeline.execute("SET", "k", value)) for _ in range(_MANY)]
            await asyncio.sleep(0.1)
            assert stream.transport.get_write_buffer_size() < 1024 * 1024 + 2 * len(value)
            failures = await asyncio.gather(*setting, return_exceptions=True)
            assert {type(failure) for failure in failures} == {NoReplyError}
            assert not pipeline.is_open

    asyncio.run(run())


def test_bytes_that_are_no_reply_close_the_connection_and_fail_its_commands() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"PING\r\n")
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await reader.read()

    async def use(redis: RedisConnection) -> None:
        with pytest.raises(RedisUnavailableError) as failed:
            await redis.run("PING")
        assert "protocol" in str(_cause(failed))

    _serve(serve, use)


def test_errors_keep_redis_pys_classes() -> None:
    """Red when an error loses its code: the log then lacks the reason."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"PING\r\n")
        writer.write(b"-NOPERM this user has no permissions\r\n")
        await reader.read()

    async def use(redis: RedisConnection) -> None:
        with pytest.raises(RedisUnavailableError) as failed:
            await redis.run("PING")
        assert isinstance(_cause(failed), NoPermissionError)
        assert _cause(failed).status_code == "NOPERM"

    _serve(serve, use)
