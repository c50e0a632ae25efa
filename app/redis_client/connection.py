"""Redis for requests: every wait is bounded, and one breaker per process rejects uses after a failure."""

from collections.abc import Iterable, Sequence
from hashlib import sha1
from typing import Generic, TypeVar, cast

import structlog
from redis.exceptions import NoScriptError

from app.config import RedisAddress
from app.redis_client.breaker import Breaker
from app.redis_client.connector import Connector
from app.redis_client.pipeline import Argument, ConnectionClosedError, NoReplyError
from app.redis_client.wire import FAILURES, reason_of

CONNECT_SECONDS = 5.0
COMMAND_SECONDS = 0.5

T = TypeVar("T")

log = structlog.get_logger(__name__)


class RedisUnavailableError(Exception):
    """Redis did not answer in time, or failed within the last seconds. Callers decide how to proceed."""


class Script(Generic[T]):
    """A Lua script that returns a `T`; Redis knows it by its SHA-1."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha = sha1(text.encode(), usedforsecurity=False).hexdigest()


class RedisConnection:
    """Runs commands on the process's connection; a failure opens the breaker."""

    def __init__(
        self,
        address: RedisAddress,
        breaker: Breaker,
        *,
        connect_seconds: float = CONNECT_SECONDS,
        command_seconds: float = COMMAND_SECONDS,
    ) -> None:
        self._address = address
        self._breaker = breaker
        self._connector = Connector(
            address,
            connect_seconds=connect_seconds,
            command_seconds=command_seconds,
            on_connected=breaker.reset,
        )

    def warm_up(self) -> None:
        """Start connecting on the running loop, so that the first request need not wait."""
        self._connector.warm_up()

    async def run(self, *command: Argument) -> object:
        """Run a command and return its reply, with strings decoded.

        Raises:
            RedisUnavailableError: Redis failed or timed out, now or up to two seconds ago.
        """
        self._raise_if_open()
        try:
            return await self._execute(*command)
        except FAILURES as error:
            raise self._unavailable(error) from error

    async def run_script(self, script: Script[T], keys: Sequence[str], arguments: Iterable[Argument]) -> T:
        """Run a script; its text is sent only if Redis does not know it yet.

        Raises:
            RedisUnavailableError: Redis or the script failed or timed out, now or up to two seconds ago.
        """
        self._raise_if_open()
        rest = (len(keys), *keys, *arguments)
        try:
            try:
                reply = await self._execute("EVALSHA", script.sha, *rest)
            except NoScriptError:  # the first time, or Redis was restarted
                reply = await self._execute("EVAL", script.text, *rest)
        except FAILURES as error:
            raise self._unavailable(error) from error
        return cast("T", reply)

    @property
    def is_breaker_open(self) -> bool:
        """Whether uses currently fail without a try, after a failure."""
        return self._breaker.is_open

    async def aclose(self) -> None:
        """Close the connection."""
        await self._connector.aclose()

    def _raise_if_open(self) -> None:
        if self._breaker.is_open:
            raise RedisUnavailableError

    async def _execute(self, *command: Argument) -> object:
        """Run a command, and once more on a new connection if its own was lost.

        A closed connection raises an error; one that a NAT dropped gets no answer. A new connection
        distinguishes the second case from a server that hangs, which accepts none.
        """
        ready = self._connector.ready()
        connection = ready or await self._connector.wait()
        try:
            return await connection.execute(*command)
        except ConnectionClosedError:
            pass
        except NoReplyError as error:
            if ready is None or not error.was_idle:
                raise
        connection = self._connector.ready() or await self._connector.wait()
        return await connection.execute(*command)

    def _unavailable(self, error: BaseException) -> RedisUnavailableError:
        """Open the breaker, and log the failure that opened it."""
        if not self._breaker.is_open:
            log.warning(
                "redis_unavailable", error=type(error).__name__, reason=reason_of(error, self._address)
            )
        self._breaker.trip()
        return RedisUnavailableError()
