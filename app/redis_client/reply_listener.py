"""Subscriptions to reply events over one Redis pub/sub connection per process."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import redis.asyncio as redis
import structlog
from redis.asyncio.client import PubSub

from app.config import RedisAddress
from app.kit.background import run_forever
from app.kit.timeouts import stall_timeout
from app.redis_client.reply_events import ReplyEvent, channel_of
from app.redis_client.reply_subscription import RECHECK, ReplySubscription
from app.redis_client.wire import FAILURES, connection_options, reason_of

_KEEP_OPEN_CHANNEL = "replies"  # redis-py cannot read a pub/sub connection without a channel
_RECONNECT_SECONDS = 1.0
_READ_SECONDS = 5.0
_PING_SECONDS = 5  # without data, after which redis-py sends a PING with the next read
_MAX_SILENT_SECONDS = 10.0  # without an answer to the PING: the connection is lost or the server hangs
_CLOSE_SECONDS = 0.5

log = structlog.get_logger(__name__)


class ReplyListener:
    """Subscribes in Redis to each reply that has a subscriber in this process."""

    def __init__(self, address: RedisAddress, *, connect_seconds: float, command_seconds: float) -> None:
        self._address = address
        self._connect_seconds = connect_seconds
        self._command_seconds = command_seconds
        self._pool = redis.ConnectionPool(
            connection_class=redis.Connection if address.tls is None else redis.SSLConnection,
            health_check_interval=_PING_SECONDS,
            **connection_options(address, connect_seconds=connect_seconds),
        )
        self._client = redis.Redis(connection_pool=self._pool)
        self._subscriptions: dict[str, set[ReplySubscription]] = defaultdict(set)
        self._pubsub: PubSub | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_closing = False

    def start(self) -> None:
        """Start the background task on the running loop."""
        self._task = asyncio.create_task(run_forever(self._run, name="reply-listener"))

    async def aclose(self) -> None:
        """Stop the background task and close the connection."""
        self._is_closing = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=_CLOSE_SECONDS)
        await self._pool.aclose()

    @property
    def subscriptions(self) -> list[ReplySubscription]:
        """All subscriptions of this process."""
        return [
            subscription for subscriptions in self._subscriptions.values() for subscription in subscriptions
        ]

    @asynccontextmanager
    async def subscribe(self, reply_id: UUID, *, is_new: bool = False) -> AsyncIterator[ReplySubscription]:
        """Subscribe to a reply's events for the duration of this block.

        The first signal is a `Recheck`; with `is_new`, only if no event comes soon.
        """
        channel, subscription = channel_of(reply_id), ReplySubscription(reply_id, is_new=is_new)
        subscriptions = self._subscriptions[channel]
        subscriptions.add(subscription)
        try:
            if len(subscriptions) > 1 or not await self._send("subscribe", channel):
                subscription.put(RECHECK)  # otherwise Redis's "subscribe" confirmation calls `begin`
            yield subscription
        finally:
            subscriptions.discard(subscription)
            if not subscriptions and self._subscriptions.get(channel) is subscriptions:
                del self._subscriptions[channel]
                await self._send("unsubscribe", channel)

    async def _send(self, command: str, channel: str) -> bool:
        pubsub = self._pubsub
        if pubsub is None:
            return False  # reconnecting: `_run` subscribes to all channels
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
                        await pubsub.subscribe(_KEEP_OPEN_CHANNEL, *self._subscriptions)
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
            for subscription in self.subscriptions:
                subscription.put(RECHECK)
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def _read(self, pubsub: PubSub) -> None:
        while not self._is_closing:
            message = await pubsub.get_message(timeout=_READ_SECONDS)
            if message is None:
                _raise_if_silent(pubsub)
                continue
            if message["type"] == "unsubscribe":
                continue
            event = ReplyEvent.decoded(message["data"]) if message["type"] == "message" else None
            for subscription in self._subscriptions.get(str(message["channel"]), ()):
                subscription.begin() if event is None else subscription.put(event)


def _raise_if_silent(pubsub: PubSub) -> None:
    """Raise TimeoutError if the connection has delivered nothing for too long, not even a PONG."""
    connection = pubsub.connection
    if connection is None:
        return
    silent = asyncio.get_running_loop().time() - connection.next_health_check
    if silent > _MAX_SILENT_SECONDS:
        raise TimeoutError(f"no answer to PING for {_MAX_SILENT_SECONDS:g} s")
