"""SQL of the queue: a pending reply's row is the job. Claimed under a lease, finished under its token.

Lease and retry times are the database's own, so workers' clocks do not matter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Text,
    Uuid,
    and_,
    case,
    cast,
    column,
    exists,
    func,
    or_,
    select,
    update,
    values,
)
from sqlalchemy.dialects.postgresql import INTERVAL
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.models import Message, MessageStatus, Role, Subscription
from app.models.message import UNFINISHED

_UNFINISHED = (MessageStatus.PENDING, MessageStatus.GENERATING)
UNCLAIMED_SECONDS = 2.0


def _seconds(number: float) -> ColumnElement[object]:
    return func.make_interval(0, 0, 0, 0, 0, 0, number, type_=INTERVAL)


def _is_due() -> ColumnElement[bool]:
    """Pending and not waiting for a retry, or held by a worker whose lease ran out."""
    pending = and_(
        Message.status == MessageStatus.PENDING,
        or_(Message.next_attempt_at.is_(None), Message.next_attempt_at <= func.now()),
    )
    abandoned = and_(Message.status == MessageStatus.GENERATING, Message.lease_until < func.now())
    return and_(Message.role == Role.MODEL, or_(pending, abandoned))


def _is_first_of_room() -> ColumnElement[bool]:
    """A room answers in order: no earlier reply of it is unfinished."""
    earlier = aliased(Message)
    return ~exists().where(
        earlier.chatroom_id == Message.chatroom_id,
        earlier.role == Role.MODEL,
        earlier.status.in_(_UNFINISHED),
        earlier.position < Message.position,
    )


def _is_pro() -> ColumnElement[bool]:
    """Whose replies are taken first; the same rule as `Subscription.plan_at`."""
    return exists().where(
        Subscription.user_id == Message.user_id,
        or_(
            Subscription.status.in_(("active", "trialing")),
            and_(Subscription.status == "past_due", Subscription.grace_until > func.now()),
        ),
    )


@dataclass(frozen=True, slots=True)
class LeaseText:
    """A lease that its worker still holds, and the text so far."""

    reply_id: UUID
    token: UUID
    text: str


@dataclass(frozen=True, slots=True)
class ReplyRepository:
    """Replies as work."""

    session: AsyncSession

    async def claim(self, reply_id: UUID, *, lease_seconds: float) -> Message | None:
        """Take one reply if it is due and its room's turn has come; None when somebody else has it."""
        return next(iter(await self._claim(Message.id == reply_id, lease_seconds=lease_seconds)), None)

    async def claim_next_of_room(self, chatroom_id: UUID, *, lease_seconds: float) -> Message | None:
        """Take the reply that comes next in a room; call it after the one before it has ended."""
        of_room = and_(Message.chatroom_id == chatroom_id, _is_due())
        first = select(Message.id).where(of_room).order_by(Message.position).limit(1).scalar_subquery()
        return next(iter(await self._claim(Message.id == first, lease_seconds=lease_seconds)), None)

    async def claim_forgotten(self, *, limit: int, lease_seconds: float) -> Sequence[Message]:
        """Take replies that nobody claimed for `UNCLAIMED_SECONDS` or whose worker was lost; Pro first."""
        forgotten = or_(
            Message.status == MessageStatus.GENERATING,
            Message.created_at < func.now() - _seconds(UNCLAIMED_SECONDS),
        )
        ids = (
            select(Message.id)
            .where(_is_due(), forgotten, _is_first_of_room(), UNFINISHED)
            .order_by(_is_pro().desc(), Message.created_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return await self._claim(Message.id.in_(ids), lease_seconds=lease_seconds)

    async def _claim(self, which: ColumnElement[bool], *, lease_seconds: float) -> Sequence[Message]:
        claimed = (
            update(Message)
            .where(which, _is_due(), _is_first_of_room())
            .values(
                status=MessageStatus.GENERATING,
                content="",
                attempt=Message.attempt + 1,
                losses=Message.losses + case((Message.status == MessageStatus.GENERATING, 1), else_=0),
                lease_token=func.gen_random_uuid(),
                lease_until=func.now() + _seconds(lease_seconds),
                next_attempt_at=None,
            )
            .returning(Message)
        )
        rows = await self.session.scalars(
            claimed, execution_options={"populate_existing": True, "synchronize_session": False}
        )
        return rows.all()

    async def renew(self, leases: Sequence[LeaseText], *, lease_seconds: float) -> set[UUID]:
        """Prolong all leases of a process in one statement, saving their text; returns those still held."""
        held = values(column("id", Uuid), column("token", Uuid), column("text", Text), name="held").data(
            [(lease.reply_id, lease.token, lease.text) for lease in leases]
        )
        renewed = await self.session.scalars(
            update(Message)
            .where(
                Message.id == cast(held.c.id, Uuid),
                Message.lease_token == cast(held.c.token, Uuid),
                Message.status == MessageStatus.GENERATING,
            )
            .values(lease_until=func.now() + _seconds(lease_seconds), content=held.c.text)
            .returning(Message.id),
            execution_options={"synchronize_session": False},
        )
        return set(renewed.all())

    async def end(self, reply_id: UUID, token: UUID, **outcome: object) -> Message | None:
        """Write a reply's end, if this token still holds it. None: a zombie woke up, nothing is written."""
        return await self._leave(reply_id, token, completed_at=func.now(), **outcome)

    async def retry_later(
        self, reply_id: UUID, token: UUID, *, after_seconds: float, reason: str
    ) -> Message | None:
        """Back to pending after a failure of the model, which counts as a retry."""
        return await self._leave(
            reply_id,
            token,
            status=MessageStatus.PENDING,
            retries=Message.retries + 1,
            next_attempt_at=func.now() + _seconds(after_seconds),
            last_error=reason,
        )

    async def hand_back(self, reply_id: UUID, token: UUID) -> Message | None:
        """Back to pending because this worker ends; costs no retry."""
        return await self._leave(
            reply_id, token, status=MessageStatus.PENDING, losses=Message.losses + 1, next_attempt_at=None
        )

    async def _leave(self, reply_id: UUID, token: UUID, **changes: object) -> Message | None:
        return await self.session.scalar(
            update(Message)
            .where(
                Message.id == reply_id,
                Message.lease_token == token,
                Message.status == MessageStatus.GENERATING,
            )
            .values(lease_token=None, lease_until=None, **changes)
            .returning(Message),
            execution_options={"populate_existing": True, "synchronize_session": False},
        )
