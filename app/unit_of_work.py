"""Transactions: the only file that commits. Wake-ups, cache drops and counters follow the commit.

Lock rows in this order: a reply, its room, the day's usage; in billing a subscription's sync cursor, the
account, its subscriptions.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Protocol
from uuid import UUID

import asyncpg

from app.database import Database, PooledConnection, in_transaction
from app.models import Actor, Message
from app.queue.wake_ups import WakeUp
from app.redis_client.chatroom_cache import ChatroomCache
from app.redis_client.daily_count import DailyCountMirror
from app.redis_client.reply_events import ReplyEvents
from app.repositories.audit import AuditRecorder
from app.repositories.every import Repositories


class Publisher(Protocol):
    """Publishes wake-ups; waits no longer than for Redis, and never fails."""

    async def publish(self, wake_up: WakeUp) -> None:
        """Publish one wake-up, a hint to workers."""
        ...


@dataclass(frozen=True, slots=True)
class _UsageChange:
    user_id: UUID
    day: date
    used: int
    refunded: bool


@dataclass
class Transaction(Repositories):
    """The repositories on one connection, and the effects that follow the commit."""

    chatroom_cache: ChatroomCache
    wake_ups: list[WakeUp] = field(default_factory=list)
    changed_lists: set[UUID] = field(default_factory=set)
    usage_changes: list[_UsageChange] = field(default_factory=list)
    ended_replies: dict[UUID, int] = field(default_factory=dict)
    """The attempt in which each ended."""
    drops: list[asyncio.Task[None]] = field(default_factory=list)

    def enqueue(self, wake_up: WakeUp) -> None:
        """Publish a wake-up after this transaction's commit."""
        self.wake_ups.append(wake_up)

    def invalidate_room_list(self, user_id: UUID) -> asyncio.Task[None]:
        """Drop this user's cached room list now and again after the commit; returns the first drop."""
        self.changed_lists.add(user_id)
        dropping = asyncio.create_task(self.chatroom_cache.drop({user_id}))
        self.drops.append(dropping)
        return dropping

    def reply_ended(self, reply: Message) -> None:
        """Publish the end of a reply to its subscribers after the commit."""
        self.ended_replies[reply.id] = reply.attempt

    def mirror_usage(self, *, user_id: UUID, day: date, used: int, refunded: bool = False) -> None:
        """Copy the day's new count to Redis after the commit."""
        self.usage_changes.append(_UsageChange(user_id, day, used, refunded))


@dataclass
class AuditedTransaction(Transaction):
    """A transaction of an operator."""

    audit: AuditRecorder = field(kw_only=True)


class UnrecordedChangeError(Exception):
    """Raised when a transaction of an operator would commit without an audit row."""


@dataclass(frozen=True, slots=True)
class UnitOfWork:
    """Opens transactions and autocommit blocks."""

    database: Database
    chatroom_cache: ChatroomCache
    daily_count: DailyCountMirror
    reply_events: ReplyEvents
    publisher: Publisher
    limit_seconds: float
    """The longest that a transaction may take; then the database counts as unavailable."""

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Transaction]:
        """Run a block in a transaction: commit at its end, roll back on any exception.

        Wake-ups, cache drops, counters and ends of replies take effect only after the commit.

        Raises:
            ServiceUnavailable: the database is unavailable. If the commit itself failed, it may have taken
                effect, and no effects follow it.
        """
        inside = in_transaction.set(True)
        try:
            async with self.database.connection(self.limit_seconds) as connection:
                tx = Transaction(connection, self.chatroom_cache)
                await connection.run("BEGIN")
                try:
                    yield tx
                    await connection.flush()
                    if tx.drops:
                        await asyncio.gather(*tx.drops)
                except Exception:
                    await _roll_back(connection)
                    raise
                await connection.run("COMMIT")
        finally:
            in_transaction.reset(inside)
        await self._after_commit(tx)

    @asynccontextmanager
    async def begin_audited(self, actor: Actor) -> AsyncIterator[AuditedTransaction]:
        """Run a block of an operator in a transaction; see `begin`.

        The block calls `tx.audit.record`, or `tx.audit.nothing_changed` if there was nothing to do.

        Raises:
            UnrecordedChangeError: it did neither. Nothing is changed.
        """
        async with self.begin() as tx:
            audited = AuditedTransaction(
                **{each.name: getattr(tx, each.name) for each in fields(tx)},
                audit=AuditRecorder(tx.connection, actor),
            )
            yield audited
            if not audited.audit.is_settled:
                raise UnrecordedChangeError

    @asynccontextmanager
    async def rehearse(self) -> AsyncIterator[Transaction]:
        """Run a block in a transaction that is rolled back at its end; no effects follow it.

        Raises:
            ServiceUnavailable: the database is unavailable.
        """
        inside = in_transaction.set(True)
        try:
            async with self.database.connection(self.limit_seconds) as connection:
                await connection.run("BEGIN")
                try:
                    yield Transaction(connection, self.chatroom_cache)
                finally:
                    await _roll_back(connection)
        finally:
            in_transaction.reset(inside)

    @asynccontextmanager
    async def autocommit(self) -> AsyncIterator[Transaction]:
        """Commit each statement of a block by itself, without the round trips of a transaction.

        For reads, and for changes of a single statement. Wake-ups and other effects follow the block.

        Raises:
            ServiceUnavailable: the database is unavailable.
        """
        async with self.database.connection(self.limit_seconds) as connection:
            tx = Transaction(connection, self.chatroom_cache)
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
        for change in changes:  # in this order: the last one wins
            await self.daily_count.show(
                user_id=change.user_id, day=change.day, used=change.used, refunded=change.refunded
            )


async def _roll_back(connection: PooledConnection) -> None:
    """End a transaction without its changes; if that fails, the pool drops the connection."""
    if connection.is_in_transaction and not connection.is_broken:
        with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            await connection.run("ROLLBACK")
