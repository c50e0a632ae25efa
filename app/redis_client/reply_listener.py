"""Subscriptions to reply events over one Redis pub/sub connection per process."""

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

_KEEP_OPEN_CHANNEL = "replies"  # redis-py cannot read a pub/sub connection without a channel
_RECONNECT_SECONDS = 1.0
_READ_SECONDS = 5.0
_PING_SECONDS = 5  # without data, after which redis-py sends a PING with the next read
_MAX_SILENT_SECONDS = 10.0  # without an answer to the PING: the connection is lost or the server hangs
_CLOSE_SECONDS = 0.5
_FIRST_EVENT_SECONDS = 0.05
_MAX_UNREAD = 500

log = structlog.get_logger(__name__)


class Recheck:
    """Signal that events may have been missed: read the row."""


class Shutdown:
    """Signal that the process is shutting down: end the stream."""


RECHECK: Final = Recheck()
SHUTDOWN: Final = Shutdown()
Signal = ReplyEvent | Recheck | Shutdown


class ReplySubscription:
    """Queue of signals for one subscriber.

    When the subscriber reads too slowly, one `Recheck` replaces the unread signals, so nothing is lost.
    """

    def __init__(self, reply_id: UUID, *, is_new: bool = False) -> None:
        self.reply_id = reply_id
        self.last_signal_at = time.monotonic()
        self._is_new = is_new
        self._signals: deque[Signal] = deque()
        self._arrived = asyncio.Event()

    def begin(self) -> None:
        """Request the first read of the row, now that Redis delivers every later event.

        A new reply has no history: skip the read, which would delay its first text. Request it only if no
        event comes within 50 ms, since the reply may have ended before the subscription began.
        """
        if self._is_new:
            asyncio.get_running_loop().call_later(
                _FIRST_EVENT_SECONDS, self._recheck_if_silent, self.last_signal_at
            )
        else:
            self.put(RECHECK)

    def _recheck_if_silent(self, since: float) -> None:
        if self.last_signal_at == since:
            self.put(RECHECK)

    def put(self, signal: Signal) -> None:
        """Add a signal without waiting for the subscriber."""
        self.last_signal_at = time.monotonic()
        self._add(signal)

    def request_recheck(self) -> None:
        """Add a `Recheck` without resetting `last_signal_at`."""
        self._add(RECHECK)

    def _add(self, signal: Signal) -> None:
        if len(self._signals) >= _MAX_UNREAD:
            self._signals.clear()
            self._signals.append(RECHECK)
        self._signals.append(signal)
        self._arrived.set()

    async def get(self, seconds: float) -> Signal | None:
        """Return the next signal, or None if none arrives in time."""
        if not self._signals:
            self._arrived.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._arrived.wait()
        return self._signals.popleft() if self._signals else None


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
