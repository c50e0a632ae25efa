"""Transactions: the only file that commits. What is asked for inside one happens after its commit.

Rows are locked in one order everywhere: a reply, then its room, then the day's usage; of billing a
subscription's sync, then the account, then its subscriptions.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.database import Database, in_transaction
from app.jobs import Job
from app.redis_client.chatroom_cache import ChatroomCache
from app.redis_client.daily_count import DailyCountMirror
from app.repositories.billing import BillingRepository
from app.repositories.billing_event import StripeEventRepository
from app.repositories.chatroom import ChatroomRepository
from app.repositories.checkout import CheckoutRepository
from app.repositories.claim import ClaimRepository
from app.repositories.deletion import DeletionRepository
from app.repositories.export import ExportRepository
from app.repositories.installation import InstallationRepository
from app.repositories.message import MessageRepository
from app.repositories.password import PasswordRepository
from app.repositories.periodic_job import PeriodicJobRepository
from app.repositories.purge import PurgeRepository
from app.repositories.reply import ReplyRepository
from app.repositories.schema import SchemaRepository
from app.repositories.search import SearchRepository
from app.repositories.sending import SendingRepository
from app.repositories.session import SessionRepository
from app.repositories.subscription import SubscriptionRepository
from app.repositories.usage import UsageRepository
from app.repositories.user import UserRepository
from app.repositories.worker import WorkerRepository


class Publisher(Protocol):
    """Hands jobs to the queue; waits no longer than for Redis, and never fails."""

    async def publish(self, job: Job) -> None:
        """Publish one job, as a hint to workers."""
        ...


@dataclass(frozen=True, slots=True)
class _UsageChange:
    user_id: UUID
    day: date
    used: int
    refunded: bool


@dataclass
class Transaction:
    """The repositories on one connection, and what is to follow the commit."""

    session: AsyncSession
    chatroom_cache: ChatroomCache
    jobs: list[Job] = field(default_factory=list)
    changed_lists: set[UUID] = field(default_factory=set)
    usage_changes: list[_UsageChange] = field(default_factory=list)
    drops: list[asyncio.Task[None]] = field(default_factory=list)

    def enqueue(self, job: Job) -> None:
        """Publish a job once this transaction has committed."""
        self.jobs.append(job)

    def rooms_changed(self, user_id: UUID) -> asyncio.Task[None]:
        """Drop this person's cached room list before and after the commit; the first has begun."""
        self.changed_lists.add(user_id)
        dropping = asyncio.create_task(self.chatroom_cache.drop({user_id}))
        self.drops.append(dropping)
        return dropping

    def usage_changed(self, *, user_id: UUID, day: date, used: int, refunded: bool = False) -> None:
        """Show the day's new count in Redis after the commit."""
        self.usage_changes.append(_UsageChange(user_id, day, used, refunded))

    @cached_property
    def users(self) -> UserRepository:
        """People."""
        return UserRepository(self.session)

    @cached_property
    def passwords(self) -> PasswordRepository:
        """People's passwords."""
        return PasswordRepository(self.session)

    @cached_property
    def sessions(self) -> SessionRepository:
        """Signed-in devices."""
        return SessionRepository(self.session)

    @cached_property
    def chatrooms(self) -> ChatroomRepository:
        """Rooms."""
        return ChatroomRepository(self.session)

    @cached_property
    def messages(self) -> MessageRepository:
        """Messages as people see them."""
        return MessageRepository(self.session)

    @cached_property
    def sending(self) -> SendingRepository:
        """Messages on their way in."""
        return SendingRepository(self.session)

    @cached_property
    def search(self) -> SearchRepository:
        """Messages by their words."""
        return SearchRepository(self.session)

    @cached_property
    def claims(self) -> ClaimRepository:
        """Replies as they are taken."""
        return ClaimRepository(self.session)

    @cached_property
    def replies(self) -> ReplyRepository:
        """Replies as work."""
        return ReplyRepository(self.session)

    @cached_property
    def usage(self) -> UsageRepository:
        """The daily quota."""
        return UsageRepository(self.session)

    @cached_property
    def subscriptions(self) -> SubscriptionRepository:
        """What Stripe last said."""
        return SubscriptionRepository(self.session)

    @cached_property
    def deletions(self) -> DeletionRepository:
        """Accounts on their way out."""
        return DeletionRepository(self.session)

    @cached_property
    def exports(self) -> ExportRepository:
        """Everything held about a person."""
        return ExportRepository(self.session)

    @cached_property
    def periodic_jobs(self) -> PeriodicJobRepository:
        """Work that comes again and again."""
        return PeriodicJobRepository(self.session)

    @cached_property
    def purges(self) -> PurgeRepository:
        """What nobody needs any more."""
        return PurgeRepository(self.session)

    @cached_property
    def billing(self) -> BillingRepository:
        """Customers, and whose look at Stripe counts."""
        return BillingRepository(self.session)

    @cached_property
    def installation(self) -> InstallationRepository:
        """The installation's id."""
        return InstallationRepository(self.session)

    @cached_property
    def stripe_events(self) -> StripeEventRepository:
        """The inbox of Stripe's events."""
        return StripeEventRepository(self.session)

    @cached_property
    def checkouts(self) -> CheckoutRepository:
        """People's customers at Stripe, and their wishes to buy."""
        return CheckoutRepository(self.session)

    @cached_property
    def schema(self) -> SchemaRepository:
        """The schema's revision."""
        return SchemaRepository(self.session)

    @cached_property
    def workers(self) -> WorkerRepository:
        """Worker processes."""
        return WorkerRepository(self.session)


@dataclass(frozen=True, slots=True)
class UnitOfWork:
    """Opens transactions."""

    database: Database
    chatroom_cache: ChatroomCache
    daily_count: DailyCountMirror
    publisher: Publisher
    limit_seconds: float
    """The longest that a transaction may take: a database that hangs is as good as away."""

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Transaction]:
        """A transaction as a block: committed on leaving, rolled back on any exception.

        Jobs, cache drops and counters asked for inside take effect after the commit, and only then.

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
        await self._follow_up(tx)

    @asynccontextmanager
    async def single(self) -> AsyncIterator[Transaction]:
        """Statements that each stand for themselves, without the round trips of a transaction around them.

        For reading, and for a change that is one statement. What is asked for inside follows the block.

        Raises:
            ServiceUnavailable: the database is away.
        """
        async with self.database.session(self.limit_seconds, autocommit=True) as session:
            tx = Transaction(session, self.chatroom_cache)
            yield tx
        await self._follow_up(tx)

    async def _follow_up(self, tx: Transaction) -> None:
        following = [self.publisher.publish(job) for job in tx.jobs]
        if tx.changed_lists:
            following.append(self.chatroom_cache.drop(tx.changed_lists))
        if tx.usage_changes:
            following.append(self._show_usage(tx.usage_changes))
        await asyncio.gather(*following)

    async def _show_usage(self, changes: Sequence[_UsageChange]) -> None:
        for change in changes:  # in their order: the last one counts
            await self.daily_count.show(
                user_id=change.user_id, day=change.day, used=change.used, refunded=change.refunded
            )
