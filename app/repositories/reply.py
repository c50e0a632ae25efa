"""SQL of the queue: a pending reply's row is the job. Claimed under a lease, finished under its token.

Lease and retry times are the database's own, so workers' clocks do not matter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    ScalarResult,
    and_,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Message, MessageStatus, Role
from app.models.message import UNFINISHED
from app.repositories.claims import UNFINISHED_STATES, seconds
from app.repositories.message import ReplyScope
from app.repositories.renewal import LeaseCheckpoint, renewing

_IS_UNHELD = or_(
    Message.status == MessageStatus.PENDING,
    and_(Message.status == MessageStatus.GENERATING, Message.lease_until < func.now()),
)


@dataclass(frozen=True, slots=True)
class ReplyProgress:
    """How far a reply is, without its text."""

    status: MessageStatus
    attempt: int
    characters: int


@dataclass(frozen=True, slots=True)
class ReplyRepository:
    """Replies as work."""

    session: AsyncSession

    async def get(self, reply_id: UUID) -> Message | None:
        """A reply whose owner was asked for before."""
        return await self.session.get(Message, reply_id)

    async def progress(self, reply_ids: set[UUID]) -> dict[UUID, ReplyProgress]:
        """How far these replies are; those that are gone are not in it."""
        rows = await self.session.execute(
            select(Message.id, Message.status, Message.attempt, func.char_length(Message.content)).where(
                Message.id.in_(reply_ids)
            )
        )
        return {row[0]: ReplyProgress(row[1], row[2], row[3]) for row in rows}

    async def renew(self, leases: Sequence[LeaseCheckpoint], *, lease_seconds: float) -> set[UUID]:
        """Prolong all leases of a process in one statement, saving their text; returns those still held."""
        renewed = await self.session.scalars(
            renewing(leases, lease_seconds=lease_seconds),
            execution_options={"synchronize_session": False},
        )
        return set(renewed.all())

    async def cancel_waiting(self, reply_id: UUID) -> Message | None:
        """End a reply that no worker holds. A later attempt number tells listeners to start over."""
        return (await self._cancel(Message.id == reply_id)).one_or_none()

    async def cancel_all_waiting(self, scope: ReplyScope) -> Sequence[Message]:
        """End every reply that no worker holds, but for those that are locked right now.

        So it never waits, and cannot deadlock with a worker that renews many at once.
        """
        free = select(Message.id).where(scope, UNFINISHED, _IS_UNHELD)
        return (await self._cancel(Message.id.in_(free.with_for_update(skip_locked=True)))).all()

    async def request_all_cancels(self, scope: ReplyScope) -> None:
        """Ask workers to stop every reply, but for those whose rows are locked right now."""
        wanted = select(Message.id).where(scope, UNFINISHED, Message.cancel_requested_at.is_(None))
        await self.session.execute(
            update(Message)
            .where(Message.id.in_(wanted.with_for_update(skip_locked=True)))
            .values(cancel_requested_at=func.now()),
            execution_options={"synchronize_session": False},
        )

    async def has_unasked(self, scope: ReplyScope) -> bool:
        """Whether there are unfinished replies that nobody was asked to stop."""
        found = await self.session.scalar(
            select(Message.id).where(scope, UNFINISHED, Message.cancel_requested_at.is_(None)).limit(1)
        )
        return found is not None

    async def are_over(self, scope: ReplyScope, *, for_seconds: float) -> bool:
        """Whether none is unfinished, and none has ended in the last seconds."""
        is_any_left = exists().where(scope, UNFINISHED)
        last_end = select(func.max(Message.completed_at)).where(scope, Message.role == Role.MODEL)
        is_long_ago = func.coalesce(last_end.scalar_subquery() < func.now() - seconds(for_seconds), true())
        return bool(await self.session.scalar(select(and_(~is_any_left, is_long_ago))))

    async def _cancel(self, which: ColumnElement[bool]) -> ScalarResult[Message]:
        return await self.session.scalars(
            update(Message)
            .where(which, _IS_UNHELD)
            .values(
                status=MessageStatus.CANCELLED,
                attempt=Message.attempt + case((Message.attempt > 0, 1), else_=0),
                lease_token=None,
                lease_until=None,
                completed_at=func.now(),
            )
            .returning(Message),
            execution_options={"populate_existing": True, "synchronize_session": False},
        )

    async def request_cancel(self, reply_id: UUID) -> None:
        """Ask whoever works on a reply, or will, to stop; the row stays locked until the transaction ends."""
        await self.session.execute(
            update(Message)
            .where(Message.id == reply_id, Message.status.in_(UNFINISHED_STATES))
            .values(cancel_requested_at=func.coalesce(Message.cancel_requested_at, func.now())),
            execution_options={"synchronize_session": False},
        )

    async def cancel_requests(self) -> set[UUID]:
        """The lease tokens of all replies that a worker is to stop."""
        tokens = await self.session.scalars(
            select(Message.lease_token).where(
                Message.cancel_requested_at.is_not(None), text("status = 'generating'")
            )
        )
        return {token for token in tokens if token is not None}

    async def next_of_room(self, chatroom_id: UUID) -> Message | None:
        """The room's first unfinished reply."""
        return await self.session.scalar(
            select(Message)
            .where(Message.chatroom_id == chatroom_id, UNFINISHED)
            .order_by(Message.position)
            .limit(1)
        )

    async def end(
        self,
        reply_id: UUID,
        token: UUID,
        *,
        has_output: bool = False,
        model: str | None = None,
        **outcome: object,
    ) -> Message | None:
        """Write a reply's end, if this token still holds it; None, and nothing is written, if it does not.

        `model` is the one that was asked, if any was.
        """
        if model is not None:
            outcome["model"] = model
        return await self._update_leased(reply_id, token, has_output, completed_at=func.now(), **outcome)

    async def retry_later(
        self, reply_id: UUID, token: UUID, *, has_output: bool = False, after_seconds: float, reason: str
    ) -> Message | None:
        """Back to pending after a failure of the model, which counts as a retry."""
        return await self._update_leased(
            reply_id,
            token,
            has_output,
            status=MessageStatus.PENDING,
            content="",
            retries=Message.retries + 1,
            # Whoever cancelled it in this moment shall not wait for a try that nobody wants.
            next_attempt_at=case(
                (Message.cancel_requested_at.is_(None), func.now() + seconds(after_seconds)), else_=None
            ),
            last_error=reason,
        )

    async def release(self, reply_id: UUID, token: UUID, *, has_output: bool = False) -> Message | None:
        """Back to pending because this worker ends; costs no retry."""
        return await self._update_leased(
            reply_id,
            token,
            has_output,
            status=MessageStatus.PENDING,
            content="",
            worker_losses=Message.worker_losses + 1,
            next_attempt_at=None,
        )

    async def acquit(self, reply_id: UUID, token: UUID) -> None:
        """Take back that a lease expired: its worker is alive, so it has not died of the reply."""
        await self.session.execute(
            update(Message)
            .where(Message.id == reply_id, Message.lease_token != token, Message.expired_leases > 0)
            .values(expired_leases=Message.expired_leases - 1),
            execution_options={"synchronize_session": False},
        )

    async def _update_leased(
        self,
        reply_id: UUID,
        token: UUID,
        has_output: bool,  # noqa: FBT001  # private
        **changes: object,
    ) -> Message | None:
        """Give the lease up. Its tokens count as counted: the same transaction adds them to the day."""
        return await self.session.scalar(
            update(Message)
            .where(
                Message.id == reply_id,
                Message.lease_token == token,
                Message.status == MessageStatus.GENERATING,
            )
            .values(
                lease_token=None,
                lease_until=None,
                has_output=or_(Message.has_output, literal(has_output)),
                uncounted_input_tokens=0,
                uncounted_output_tokens=0,
                **changes,
            )
            .returning(Message),
            execution_options={"populate_existing": True, "synchronize_session": False},
        )
