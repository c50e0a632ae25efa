"""Wake-ups between the worker that writes a reply and the API processes that wait for it."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import redis.asyncio as redis
import structlog
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from app.redis_client.connection import COMMAND_SECONDS, RedisConnection, RedisUnavailableError

_KEEP_OPEN_CHANNEL = "replies"  # a pub/sub connection without any channel cannot be read
_RECONNECT_SECONDS = 1.0
_READ_SECONDS = 5.0

log = structlog.get_logger(__name__)


def _channel(reply_id: UUID) -> str:
    return f"replies:{reply_id}"


class ReplyEvents:
    """The worker's side."""

    def __init__(self, redis: RedisConnection) -> None:
        self._redis = redis

    async def announce_end(self, reply_id: UUID) -> None:
        """Wake whoever waits for this reply. A hint: who misses it looks at the row by itself."""
        with contextlib.suppress(RedisUnavailableError):
            async with self._redis.use() as redis:
                await redis.publish(_channel(reply_id), "end")


class ReplyListener:
    """The API's side: one pub/sub connection per process for everybody who waits."""

    def __init__(self, url: str) -> None:
        self._client: redis.Redis = redis.Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=None,  # it is read for as long as nothing is said; health checks find a dead peer
            socket_connect_timeout=COMMAND_SECONDS,
            health_check_interval=10,
            retry=Retry(NoBackoff(), 0),
        )
        self._waiting: dict[str, set[asyncio.Event]] = defaultdict(set)
        self._pubsub: PubSub | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to listen, on the running loop."""
        self._task = asyncio.create_task(self._run(), name="reply-listener")

    async def aclose(self) -> None:
        """Stop listening and close the connection."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._client.aclose()

    @asynccontextmanager
    async def listen(self, reply_id: UUID) -> AsyncIterator[asyncio.Event]:
        """An event that is set whenever something may have happened to the reply.

        Enter before reading the row, so that nothing that happens afterwards is missed.
        """
        channel, wake_up = _channel(reply_id), asyncio.Event()
        listeners = self._waiting[channel]
        listeners.add(wake_up)
        try:
            if len(listeners) == 1:
                await self._tell("subscribe", channel)
            else:
                wake_up.set()  # the channel is listened to already, so nothing will say "subscribe"
            yield wake_up
        finally:
            listeners.discard(wake_up)
            if not listeners:
                del self._waiting[channel]
                await self._tell("unsubscribe", channel)

    async def _tell(self, command: str, channel: str) -> None:
        pubsub = self._pubsub
        if pubsub is None:
            return  # reconnecting; _run subscribes to all channels itself
        with contextlib.suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(COMMAND_SECONDS):
                await (pubsub.subscribe(channel) if command == "subscribe" else pubsub.unsubscribe(channel))

    async def _run(self) -> None:
        while True:
            try:
                async with self._client.pubsub() as pubsub:
                    await pubsub.subscribe(_KEEP_OPEN_CHANNEL, *self._waiting)
                    self._pubsub = pubsub
                    await self._read(pubsub)
            except (RedisError, OSError, TimeoutError) as error:
                log.warning("reply_listener_disconnected", error=type(error).__name__)
            finally:
                self._pubsub = None
            self._wake(*self._waiting)  # they may have missed something
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def _read(self, pubsub: PubSub) -> None:
        while True:
            message = await pubsub.get_message(timeout=_READ_SECONDS)
            if message is not None:
                # "subscribe" wakes too: what happened before it took effect is in the row by then.
                self._wake(str(message["channel"]))

    def _wake(self, *channels: str) -> None:
        for channel in channels:
            for wake_up in self._waiting.get(channel, ()):
                wake_up.set()
