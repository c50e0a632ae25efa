"""Subscriptions to reply events over one Redis pub/sub connection per process."""

import asyncio
from collections import defaultdict
from uuid import UUID

import structlog

from app.config import RedisAddress
from app.kit.background import run_forever
from app.redis_client.pubsub_connection import PubSubConnection
from app.redis_client.reply_events import ReplyEvent, channel_of
from app.redis_client.reply_subscription import RECHECK, ReplySubscription
from app.redis_client.wire import FAILURES, reason_of

_RECONNECT_SECONDS = 1.0
_CLOSE_SECONDS = 0.5

log = structlog.get_logger(__name__)


class ReplyListener:
    """Subscribes in Redis to each reply that has a subscriber in this process."""

    def __init__(self, address: RedisAddress, *, connect_seconds: float) -> None:
        self._address = address
        self._connect_seconds = connect_seconds
        self._subscriptions: dict[str, set[ReplySubscription]] = defaultdict(set)
        self._connection: PubSubConnection | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the background task on the running loop."""
        self._task = asyncio.create_task(run_forever(self._run, name="reply-listener"))

    async def aclose(self) -> None:
        """Stop the background task and close the connection."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=_CLOSE_SECONDS)

    @property
    def subscriptions(self) -> list[ReplySubscription]:
        """All subscriptions of this process."""
        return [
            subscription for subscriptions in self._subscriptions.values() for subscription in subscriptions
        ]

    def subscribe(self, reply_id: UUID, *, is_new: bool = False) -> ReplySubscription:
        """Subscribe to a reply's events until `unsubscribe`.

        The first signal is a `Recheck`; with `is_new`, only if no event comes soon.
        """
        channel, subscription = channel_of(reply_id), ReplySubscription(reply_id, is_new=is_new)
        subscriptions = self._subscriptions[channel]
        subscriptions.add(subscription)
        if len(subscriptions) > 1 or self._connection is None:
            subscription.put(RECHECK)
        else:
            self._connection.subscribe(channel)  # its confirmation calls `begin`
        return subscription

    def unsubscribe(self, subscription: ReplySubscription) -> None:
        """End a subscription."""
        channel = channel_of(subscription.reply_id)
        subscriptions = self._subscriptions[channel]
        subscriptions.discard(subscription)
        if not subscriptions:
            del self._subscriptions[channel]
            if self._connection is not None:
                self._connection.unsubscribe(channel)

    async def _run(self) -> None:
        while True:
            try:
                await self._read(
                    await PubSubConnection.open(self._address, connect_seconds=self._connect_seconds)
                )
            except FAILURES as error:
                log.warning(
                    "reply_listener_disconnected",
                    error=type(error).__name__,
                    reason=reason_of(error, self._address),
                )
            for subscription in self.subscriptions:
                subscription.put(RECHECK)
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def _read(self, connection: PubSubConnection) -> None:
        self._connection = connection
        try:
            if self._subscriptions:
                connection.subscribe(*self._subscriptions)
            while True:
                for channel, message in await connection.read():
                    event = None if message is None else ReplyEvent.decoded(message)
                    for subscription in self._subscriptions.get(channel, ()):
                        subscription.begin() if event is None else subscription.put(event)
        finally:
            self._connection = None
            connection.close()
