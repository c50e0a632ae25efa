"""The listening side of reply events: one pub/sub connection per process for everybody who waits."""

import asyncio
import contextlib
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID

import redis.asyncio as redis
import structlog
from redis.asyncio.client import PubSub

from app.config import RedisAddress
from app.kit.background import run_forever
from app.kit.timeouts import stall_timeout
from app.redis_client.reply_events import ReplyEvent, channel_of
from app.redis_client.wire import FAILURES, connection_options, reason_of

_KEEP_OPEN_CHANNEL = "replies"  # a pub/sub connection without any channel cannot be read
_RECONNECT_SECONDS = 1.0
_READ_SECONDS = 5.0
_ASK_SECONDS = 5  # of silence, after which redis-py sends a PING with the next read
_SILENT_SECONDS = 10.0  # without an answer to that: the flow was lost, or the server hangs
_CLOSE_SECONDS = 0.5
_SILENCE_SECONDS = 0.05
_MOST_UNREAD = 500

log = structlog.get_logger(__name__)


class Look:
    """Something may have happened that no event tells: look at the row."""


class Stop:
    """The process is about to end: say goodbye."""


LOOK: Final = Look()
STOP: Final = Stop()
News = ReplyEvent | Look | Stop


class Inbox:
    """What one listener has not taken yet. One that reads too slowly is told to look, and misses nothing."""

    def __init__(self, reply_id: UUID, *, is_new: bool = False) -> None:
        self.reply_id = reply_id
        self.last_news_at = time.monotonic()
        self._is_new = is_new
        self._news: deque[News] = deque()
        self._arrived = asyncio.Event()

    def begin(self) -> None:
        """From now on every event arrives; the row tells what was before.

        A new reply has nothing before, or its first event shows the gap: looking would only be in the way
        of its first words. Should all have been said in this moment, silence tells.
        """
        if self._is_new:
            asyncio.get_running_loop().call_later(_SILENCE_SECONDS, self._look_if_silent, self.last_news_at)
        else:
            self.put(LOOK)

    def _look_if_silent(self, since: float) -> None:
        if self.last_news_at == since:
            self.put(LOOK)

    def put(self, news: News) -> None:
        """Add news, never waiting for the reader."""
        self.last_news_at = time.monotonic()
        self._add(news)

    def look(self) -> None:
        """Add a hint to look at the row; the reply counts as quiet all the same."""
        self._add(LOOK)

    def _add(self, news: News) -> None:
        if len(self._news) >= _MOST_UNREAD:
            self._news.clear()
            self._news.append(LOOK)
        self._news.append(news)
        self._arrived.set()

    async def get(self, seconds: float) -> News | None:
        """The next news, or None when there is none for so long."""
        if not self._news:
            self._arrived.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._arrived.wait()
        return self._news.popleft() if self._news else None


class ReplyListener:
    """Subscribes to the replies that somebody in this process listens to."""

    def __init__(self, address: RedisAddress, *, connect_seconds: float, command_seconds: float) -> None:
        self._address = address
        self._connect_seconds = connect_seconds
        self._command_seconds = command_seconds
        self._pool = redis.ConnectionPool(
            connection_class=redis.Connection if address.tls is None else redis.SSLConnection,
            health_check_interval=_ASK_SECONDS,
            **connection_options(address, connect_seconds=connect_seconds),
        )
        self._client = redis.Redis(connection_pool=self._pool)
        self._inboxes: dict[str, set[Inbox]] = defaultdict(set)
        self._pubsub: PubSub | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_closing = False

    def start(self) -> None:
        """Begin to listen, on the running loop."""
        self._task = asyncio.create_task(run_forever(self._run, name="reply-listener"))

    async def aclose(self) -> None:
        """Stop listening and close the connection."""
        self._is_closing = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=_CLOSE_SECONDS)
        await self._pool.aclose()

    @property
    def inboxes(self) -> list[Inbox]:
        """Everybody who listens."""
        return [inbox for inboxes in self._inboxes.values() for inbox in inboxes]

    @asynccontextmanager
    async def listen(self, reply_id: UUID, *, is_new: bool = False) -> AsyncIterator[Inbox]:
        """An inbox of everything from now on; its first news is to look at what was before.

        Of a reply that was asked for just now (`is_new`) only if nothing is heard.
        """
        channel, inbox = channel_of(reply_id), Inbox(reply_id, is_new=is_new)
        inboxes = self._inboxes[channel]
        inboxes.add(inbox)
        try:
            if len(inboxes) > 1 or not await self._tell("subscribe", channel):
                inbox.put(LOOK)  # else the server's "subscribe" says so, when nothing can be missed any more
            yield inbox
        finally:
            inboxes.discard(inbox)
            if not inboxes and self._inboxes.get(channel) is inboxes:
                del self._inboxes[channel]
                await self._tell("unsubscribe", channel)

    async def _tell(self, command: str, channel: str) -> bool:
        pubsub = self._pubsub
        if pubsub is None:
            return False  # reconnecting: `_run` subscribes to all channels by itself
        with contextlib.suppress(*FAILURES):
            async with stall_timeout(self._command_seconds):
                await (pubsub.subscribe(channel) if command == "subscribe" else pubsub.unsubscribe(channel))
                return True
        return False

    async def _run(self) -> None:
        while not self._is_closing:
            try:
                async with self._client.pubsub() as pubsub:
                    async with asyncio.timeout(self._connect_seconds):
                        await pubsub.subscribe(_KEEP_OPEN_CHANNEL, *self._inboxes)
                    self._pubsub = pubsub
                    await self._read(pubsub)
            except FAILURES as error:
                log.warning(
                    "reply_listener_disconnected",
                    error=type(error).__name__,
                    reason=reason_of(error, self._address),
                )
            finally:
                self._pubsub = None
            for inbox in self.inboxes:
                inbox.put(LOOK)
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def _read(self, pubsub: PubSub) -> None:
        while not self._is_closing:
            message = await pubsub.get_message(timeout=_READ_SECONDS)
            if message is None:
                _require_life(pubsub)
                continue
            if message["type"] == "unsubscribe":
                continue
            event = ReplyEvent.decoded(message["data"]) if message["type"] == "message" else None
            for inbox in self._inboxes.get(str(message["channel"]), ()):
                inbox.begin() if event is None else inbox.put(event)


def _require_life(pubsub: PubSub) -> None:
    """Refuse a connection on which nothing was heard, not even the answer to redis-py's PING.

    Raises:
        TimeoutError: nothing was heard for too long.
    """
    connection = pubsub.connection
    if connection is None:
        return
    silent = asyncio.get_running_loop().time() - connection.next_health_check
    if silent > _SILENT_SECONDS:
        raise TimeoutError(f"no answer to PING for {_SILENT_SECONDS:g} s")
