"""Signals about replies for the subscribers of this process: live from Redis, otherwise from the rows."""

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from uuid import UUID

from app.errors import ServiceUnavailable
from app.models import Message
from app.redis_client.reply_events import ReplyEvent
from app.redis_client.reply_listener import ReplyListener
from app.redis_client.reply_subscription import RECHECK, SHUTDOWN, ReplySubscription
from app.repositories.reply import ReplyProgress
from app.schemas.message import MessageOut
from app.unit_of_work import UnitOfWork

_QUIET_SECONDS = 2.0
_CHECK_SECONDS = 1.0
_HEARTBEAT_SECONDS = 10.0
_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class ReplyFeed:
    """Opens subscriptions to replies, and rechecks replies without events in one query for all of them."""

    uow: UnitOfWork
    listener: ReplyListener
    _shutting_down: asyncio.Event = field(default_factory=asyncio.Event)
    _progress: dict[UUID, ReplyProgress] = field(default_factory=dict)
    _reads: dict[UUID, asyncio.Task[Message | None]] = field(default_factory=dict)
    """Scheduled queries that have not started yet."""

    def subscribe(self, reply_id: UUID, *, is_new: bool = False) -> ReplySubscription:
        """Subscribe to a reply until `unsubscribe`.

        The first signal is a `Recheck`; with `is_new`, only if no event comes soon.
        """
        subscription = self.listener.subscribe(reply_id, is_new=is_new)
        if self._shutting_down.is_set():
            subscription.put(SHUTDOWN)
        return subscription

    def unsubscribe(self, subscription: ReplySubscription) -> None:
        """End a subscription."""
        self.listener.unsubscribe(subscription)

    async def wait(self, reply: MessageOut, *, seconds: float, is_new: bool = False) -> MessageOut:
        """Return the reply when it has ended, after `seconds`, or when this process shuts down."""
        if seconds <= 0 or reply.status.is_final:
            return reply
        until = time.monotonic() + seconds
        subscription = self.subscribe(reply.id, is_new=is_new)
        try:
            while (left := until - time.monotonic()) > 0:
                signals = await subscription.take(left)
                if SHUTDOWN in signals:
                    break
                if any(
                    signal is RECHECK or (isinstance(signal, ReplyEvent) and signal.is_end)
                    for signal in signals
                ):
                    try:
                        row = await self.read(reply.id)
                    except ServiceUnavailable:
                        continue  # the reply is stored: keep waiting
                    reply = MessageOut.of(row) if row else reply
                    if row is None or row.status.is_final:
                        break
        finally:
            self.unsubscribe(subscription)
        return reply

    async def read(self, reply_id: UUID) -> Message | None:
        """Return the row, or None if it was deleted. Concurrent callers share one query.

        Raises:
            ServiceUnavailable: the database is unavailable.
        """
        reading = self._reads.get(reply_id)
        if reading is None:
            reading = self._reads[reply_id] = asyncio.create_task(self._read(reply_id))
            reading.add_done_callback(_retrieve)
        return await asyncio.shield(reading)

    async def _read(self, reply_id: UUID) -> Message | None:
        del self._reads[reply_id]  # a later caller may need a newer row than this query returns
        async with self.uow.autocommit() as tx:
            return await tx.replies.get(reply_id)

    def shut_down(self) -> None:
        """Send `Shutdown` to all subscribers, present and future."""
        self._shutting_down.set()
        for subscription in self.listener.subscriptions:
            subscription.put(SHUTDOWN)

    async def keep_alive(self) -> None:
        """Request a heartbeat of each subscriber that has sent nothing for 10 s; never returns."""
        while True:
            await asyncio.sleep(_CHECK_SECONDS)
            silent_since = time.monotonic() - _HEARTBEAT_SECONDS
            for number, subscription in enumerate(self.listener.subscriptions):
                if subscription.last_sent_at < silent_since:
                    subscription.request_heartbeat()
                if number % _AT_ONCE == 0:
                    await asyncio.sleep(0)  # requests do not wait for thousands of heartbeats

    async def watch(self) -> None:
        """Request a recheck of each reply without recent events if its row has changed; never returns."""
        while True:
            await asyncio.sleep(_CHECK_SECONDS)
            quiet_since = time.monotonic() - _QUIET_SECONDS
            quiet = [
                subscription
                for subscription in self.listener.subscriptions
                if subscription.last_signal_at < quiet_since
            ]
            if not quiet:
                self._progress.clear()
                continue
            with contextlib.suppress(ServiceUnavailable):
                await self._recheck_changed(quiet)

    async def _recheck_changed(self, quiet: list[ReplySubscription]) -> None:
        async with self.uow.autocommit() as tx:
            progress = await tx.replies.progress({subscription.reply_id for subscription in quiet})
        for subscription in quiet:
            now = progress.get(subscription.reply_id)
            if now is None or now != self._progress.get(subscription.reply_id):
                subscription.request_recheck()
        self._progress.clear()
        self._progress.update(progress)


def _retrieve(reading: asyncio.Task[Message | None]) -> None:
    """Retrieve the query's exception, so that asyncio does not log it if every caller was cancelled."""
    if not reading.cancelled():
        reading.exception()
