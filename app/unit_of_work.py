"""Transactions: the only file that commits. What is asked for inside one happens after its commit.

Rows are locked in one order everywhere: a reply, then its room, then the day's usage; of billing a
subscription's sync, then the account, then its subscriptions.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol
from uuid import UUID

from app.database import Database, in_transaction
from app.models import Message
from app.queue.wake_ups import WakeUp
from app.redis_client.chatroom_cache import ChatroomCache
from app.redis_client.daily_count import DailyCountMirror
from app.redis_client.reply_events import ReplyEvents
from app.repositories.every import Repositories


class Publisher(Protocol):
    """Hands jobs to the queue; waits no longer than for Redis, and never fails."""

    async def publish(self, wake_up: WakeUp) -> None:
        """Publish one job, as a hint to workers."""
        ...


@dataclass(frozen=True, slots=True)
class _UsageChange:
    user_id: UUID
    day: date
    used: int
    refunded: bool


@dataclass
class Transaction(Repositories):
    """The repositories on one connection, and what is to follow the commit."""

    chatroom_cache: ChatroomCache
    wake_ups: list[WakeUp] = field(default_factory=list)
    changed_lists: set[UUID] = field(default_factory=set)
    usage_changes: list[_UsageChange] = field(default_factory=list)
    ended_replies: dict[UUID, int] = field(default_factory=dict)
    """The attempt in which each ended."""
    drops: list[asyncio.Task[None]] = field(default_factory=list)

    def enqueue(self, wake_up: WakeUp) -> None:
        """Publish a job once this transaction has committed."""
        self.wake_ups.append(wake_up)

    def invalidate_room_list(self, user_id: UUID) -> asyncio.Task[None]:
        """Drop this person's cached room list before and after the commit; the first has begun."""
        self.changed_lists.add(user_id)
        dropping = asyncio.create_task(self.chatroom_cache.drop({user_id}))
        self.drops.append(dropping)
        return dropping

    def reply_ended(self, reply: Message) -> None:
        """Publish the end of a reply to its subscribers after the commit."""
        self.ended_replies[reply.id] = reply.attempt

    def mirror_usage(self, *, user_id: UUID, day: date, used: int, refunded: bool = False) -> None:
        """Show the day's new count in Redis after the commit."""
        self.usage_changes.append(_UsageChange(user_id, day, used, refunded))


@dataclass(frozen=True, slots=True)
class UnitOfWork:
    """Opens transactions."""

    database: Database
    chatroom_cache: ChatroomCache
    daily_count: DailyCountMirror
    reply_events: ReplyEvents
    publisher: Publisher
    limit_seconds: float
    """The longest that a transaction may take: a database that hangs is as good as away."""

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Transaction]:
        """A transaction as a block: committed on leaving, rolled back on any exception.

        Jobs, cache drops, counters and ends of replies take effect after the commit, and only then.

        Raises:
            ServiceUnavailable: the database is away. Of an error in the commit itself nobody knows whether
                it took effect, so nothing follows it.
        """
        inside = in_transaction.set(True)
        try:
            async with self.database.session(self.limit_seconds) as session:
                tx = Transaction(session, self.chatroom_cache)
                yield tx
                await asyncio.gather(session.flush(), *tx.drops)
                await session.commit()
        finally:
            in_transaction.reset(inside)
        await self._after_commit(tx)

    @asynccontextmanager
    async def autocommit(self) -> AsyncIterator[Transaction]:
        """Statements that each stand for themselves, without the round trips of a transaction around them.

        For reading, and for a change that is one statement. What is asked for inside follows the block.

        Raises:
            ServiceUnavailable: the database is away.
        """
        async with self.database.session(self.limit_seconds, autocommit=True) as session:
            tx = Transaction(session, self.chatroom_cache)
            yield tx
        await self._after_commit(tx)

    async def _after_commit(self, tx: Transaction) -> None:
        following = [self.publisher.publish(wake_up) for wake_up in tx.wake_ups]
        if tx.changed_lists:
            following.append(self.chatroom_cache.drop(tx.changed_lists))
        if tx.usage_changes:
            following.append(self._show_usage(tx.usage_changes))
        await asyncio.gather(*following)
        for reply_id, attempt in tx.ended_replies.items():  # last: subscribers then read up-to-date caches
            await self.reply_events.end(reply_id, attempt)

    async def _show_usage(self, changes: Sequence[_UsageChange]) -> None:
        for change in changes:  # in their order: the last one counts
            await self.daily_count.show(
                user_id=change.user_id, day=change.day, used=change.used, refunded=change.refunded
            )
