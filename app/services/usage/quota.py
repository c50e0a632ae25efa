"""The daily quota and its refunds. PostgreSQL decides, in the transaction that stores or ends a message."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from app import metrics
from app.errors import AccountSuspended, AuthenticationRequired, DailyLimitReached
from app.kit.clock import Clock
from app.kit.number_forms import subscriber_of
from app.models import Message, MessageStatus, Plan, PlanTerms, User
from app.repositories.usage import UsageStatus
from app.schemas.quota import Quota
from app.security import number_digest
from app.services.usage.plans import Plans
from app.unit_of_work import Transaction

REFUNDS_PER_MESSAGE = 3
"""Refunds a day on Basic, as a multiple of its daily limit."""

_REFUNDED = (MessageStatus.FAILED, MessageStatus.BLOCKED, MessageStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class QuotaSnapshot:
    """A user's committed count of the day, and the terms for this user, at a time."""

    terms: PlanTerms
    used: int
    at: datetime

    @property
    def limit(self) -> int | None:
        """Messages of the day; None if the plan does not limit them."""
        return self.terms.messages

    @property
    def is_used_up(self) -> bool:
        """Whether no message is left."""
        return self.limit is not None and self.used >= self.limit


@dataclass(frozen=True, slots=True)
class DailyQuota:
    """Messages of a UTC day: counted on every plan, limited where the plan's terms say so."""

    plans: Plans
    clock: Clock

    async def load(self, tx: Transaction, user_id: UUID) -> QuotaSnapshot:
        """Read the user's committed day without a lock, so that a rejection waits for no other request.

        Raises:
            AuthenticationRequired: the account was deleted concurrently.
            AccountSuspended: the account was banned concurrently.
        """
        now = self.clock()
        status = await tx.usage.status(user_id=user_id, now=now)
        if status is None:
            raise AuthenticationRequired
        return self.snapshot(status, now)

    def snapshot(self, status: UsageStatus, now: datetime) -> QuotaSnapshot:
        """Build a quota snapshot from the stored usage.

        Raises:
            AccountSuspended: the account is banned.
        """
        if status.is_banned:
            raise AccountSuspended
        return self.snapshot_of_any(status, now)

    def snapshot_of_any(self, status: UsageStatus, now: datetime) -> QuotaSnapshot:
        """Build a quota snapshot, also of a banned account."""
        terms = self.plans[status.plan]
        if status.own_limit is not None and status.plan is Plan.BASIC:
            terms = replace(terms, messages=status.own_limit)
        return QuotaSnapshot(terms, status.used, now)

    def require_available(self, snapshot: QuotaSnapshot) -> None:
        """Reject a message on a used-up day.

        Raises:
            DailyLimitReached: no message is left.
        """
        if snapshot.limit is not None and snapshot.is_used_up:
            raise self._limit_reached(snapshot.limit, snapshot.used, snapshot)

    async def charge(self, tx: Transaction, user_id: UUID, snapshot: QuotaSnapshot) -> tuple[date, Quota]:
        """Count one message in this transaction, and return the charged day and its quota.

        `snapshot` was loaded in this transaction and only saves a lock: if it is not used up, the database
        decides by the count at the time of the charge.

        Raises:
            DailyLimitReached: no message is left.
            AuthenticationRequired: the account was deleted concurrently.
            AccountSuspended: it was banned concurrently.
        """
        self.require_available(snapshot)
        day = snapshot.at.date()
        used = await tx.usage.charge(user_id=user_id, day=day, limit=snapshot.limit)
        if used is None:
            status = await tx.usage.status(user_id=user_id, now=snapshot.at)
            if status is not None and status.is_banned:
                raise AccountSuspended
            if status is None or snapshot.limit is None:  # an unlimited charge fails only without an account
                raise AuthenticationRequired
            raise self._limit_reached(snapshot.limit, status.used, snapshot)
        return day, self.record(tx, user_id, replace(snapshot, used=used))

    def record(self, tx: Transaction, user_id: UUID, snapshot: QuotaSnapshot) -> Quota:
        """Mirror the count after a charge, and return it."""
        tx.mirror_usage(user_id=user_id, day=snapshot.at.date(), used=snapshot.used)
        return self.to_schema(snapshot)

    async def settle(self, tx: Transaction, reply: Message, *, input_tokens: int, output_tokens: int) -> None:
        """Count the tokens of an ended attempt, and refund the reply if nothing was generated for it.

        Call it in the transaction that ends the attempt, so that it happens once.
        """
        await self._refund(tx, [reply])
        await self._count_tokens(tx, reply.user_id, input_tokens, output_tokens)

    async def settle_cancelled(self, tx: Transaction, replies: Sequence[Message]) -> None:
        """Count and refund replies of one user that were cancelled while no worker held them.

        Tokens of an attempt whose worker was lost are counted up to its last lease renewal.
        """
        if not replies:
            return
        await self._refund(tx, replies)
        await self._count_tokens(
            tx,
            replies[0].user_id,
            sum(reply.uncounted_input_tokens for reply in replies),
            sum(reply.uncounted_output_tokens for reply in replies),
        )

    async def _refund(self, tx: Transaction, replies: Sequence[Message]) -> None:
        """Refund the replies for which nothing was generated to the days they were charged on."""
        now = self.clock()
        charges = Counter(
            (reply.charged_on, reply.user_id)
            for reply in replies
            if reply.charged_on is not None and is_free(reply)
        )
        basic_limit = self.plans[Plan.BASIC].messages
        max_refunds = None if basic_limit is None else REFUNDS_PER_MESSAGE * basic_limit
        for (day, user_id), messages in sorted(charges.items()):
            used = await tx.usage.refund(
                user_id=user_id,
                day=day,
                messages=messages,
                max_refunds=max_refunds,
                refunds_per_message=REFUNDS_PER_MESSAGE,
                now=now,
            )
            if used is not None:
                tx.mirror_usage(user_id=user_id, day=day, used=used, refunded=True)

    async def _count_tokens(
        self, tx: Transaction, user_id: UUID, input_tokens: int, output_tokens: int
    ) -> None:
        if input_tokens or output_tokens:
            await tx.usage.add_tokens(
                user_id=user_id,
                day=self.clock().date(),
                input_tokens=input_tokens,
                output_tokens=output_tokens,
            )

    async def read(self, tx: Transaction, user_id: UUID) -> Quota:
        """Read today's quota.

        Raises:
            AuthenticationRequired: the account was deleted concurrently.
        """
        return self.to_schema(await self.load(tx, user_id))

    def to_schema(self, snapshot: QuotaSnapshot) -> Quota:
        """Return the snapshot as part of a response."""
        limit, used = snapshot.limit, snapshot.used
        remaining = None if limit is None else max(limit - used, 0)
        return Quota(
            limit=limit, used=used, remaining=remaining, resets_at=snapshot.terms.window.ends_at(snapshot.at)
        )

    def _limit_reached(self, limit: int, used: int, snapshot: QuotaSnapshot) -> DailyLimitReached:
        metrics.rate_limit_refused("daily")
        now, resets_at = snapshot.at, snapshot.terms.window.ends_at(snapshot.at)
        return DailyLimitReached(
            limit=limit,
            used=used,
            resets_at=resets_at,
            retry_after=max(math.ceil((resets_at - now).total_seconds()), 1),
        )


def is_free(reply: Message) -> bool:
    """Return whether a reply ended without success and no attempt generated text or output tokens."""
    return reply.status in _REFUNDED and not reply.has_output and reply.content == ""


@dataclass(frozen=True, slots=True)
class UsageCarryover:
    """The day's counts of a number. They outlive its account: deleting it does not reset the limit."""

    key: bytes
    clock: Clock

    async def save(self, tx: Transaction, user: User) -> None:
        """Save the day's counts of an account before its number is removed; its row must be locked."""
        digest = number_digest(self.key, subscriber_of(user.mobile_number))
        await tx.usage.save_carryover(number_digest=digest, user_id=user.id, day=self.clock().date())

    async def restore(self, tx: Transaction, user: User) -> None:
        """Begin a new account's day with the counts that its number has from a deleted account."""
        digest = number_digest(self.key, subscriber_of(user.mobile_number))
        await tx.usage.restore_carryover(number_digest=digest, user_id=user.id, day=self.clock().date())
