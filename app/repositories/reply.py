"""Read replies and cancel them; claims are in `claims`, writes under a lease in `leases`."""

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
    or_,
    select,
    true,
    update,
)

from app.database import PooledConnection
from app.models import Message, MessageStatus, Role
from app.models.message import UNFINISHED
from app.repositories.intervals import seconds
from app.repositories.message import ReplyScope
from app.repositories.message_rows import message_of
from app.repositories.sql import query

_IS_UNLEASED = or_(
    Message.status == MessageStatus.PENDING,
    and_(Message.status == MessageStatus.GENERATING, Message.lease_until < func.now()),
)

_GET = query("select_message", "message_columns", "message_by_id", message_id="uuid")
_PROGRESS = query("read_progress", ids="uuid[]")


@dataclass(frozen=True, slots=True)
class ReplyProgress:
    """The progress of a reply, without its text."""

    status: MessageStatus
    attempt: int
    characters: int


@dataclass(frozen=True, slots=True)
class ReplyRepository:
    """Replies as listeners follow them and as users cancel them."""

    connection: PooledConnection

    async def get(self, reply_id: UUID) -> Message | None:
        """Return a reply whose owner has been checked, or None."""
        row = await self.connection.fetch_row(_GET, {"message_id": reply_id})
        return None if row is None else message_of(row)

    async def progress(self, reply_ids: set[UUID]) -> dict[UUID, ReplyProgress]:
        """Return the progress of those of these replies that exist."""
        rows = await self.connection.fetch(_PROGRESS, {"ids": list(reply_ids)})
        return {
            row["id"]: ReplyProgress(MessageStatus(row["status"]), row["attempt"], row["characters"])
            for row in rows
        }

    async def cancel_waiting(self, reply_id: UUID) -> Message | None:
        """Cancel a reply that no worker holds; return it, or None if one does or it has ended.

        A higher attempt number makes listeners start over.
        """
        return (await self._cancel(Message.id == reply_id)).one_or_none()

    async def cancel_all_waiting(self, scope: ReplyScope) -> Sequence[Message]:
        """Cancel every reply that no worker holds and no transaction has locked; return them.

        It never waits for a lock, so it cannot deadlock with a worker that renews many leases at once.
        """
        unleased = select(Message.id).where(scope, UNFINISHED, _IS_UNLEASED)
        return (await self._cancel(Message.id.in_(unleased.with_for_update(skip_locked=True)))).all()

    async def request_all_cancels(self, scope: ReplyScope) -> None:
        """Request the cancellation of every unfinished reply that no transaction has locked."""
        uncancelled = select(Message.id).where(scope, UNFINISHED, Message.cancel_requested_at.is_(None))
        await self.connection.session.execute(
            update(Message)
            .where(Message.id.in_(uncancelled.with_for_update(skip_locked=True)))
            .values(cancel_requested_at=func.now()),
            execution_options={"synchronize_session": False},
        )

    async def has_unasked(self, scope: ReplyScope) -> bool:
        """Return whether an unfinished reply has no request to cancel it."""
        found = await self.connection.session.scalar(
            select(Message.id).where(scope, UNFINISHED, Message.cancel_requested_at.is_(None)).limit(1)
        )
        return found is not None

    async def are_over(self, scope: ReplyScope, *, for_seconds: float) -> bool:
        """Return whether all replies have ended, the last one more than `for_seconds` ago."""
        is_any_left = exists().where(scope, UNFINISHED)
        last_end = select(func.max(Message.completed_at)).where(scope, Message.role == Role.MODEL)
        is_long_ago = func.coalesce(last_end.scalar_subquery() < func.now() - seconds(for_seconds), true())
        return bool(await self.connection.session.scalar(select(and_(~is_any_left, is_long_ago))))

    async def _cancel(self, condition: ColumnElement[bool]) -> ScalarResult[Message]:
        return await self.connection.session.scalars(
            update(Message)
            .where(condition, _IS_UNLEASED)
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
        """Request the cancellation of a reply; its row stays locked until the transaction ends."""
        await self.connection.session.execute(
            update(Message)
            .where(Message.id == reply_id, UNFINISHED)
            .values(cancel_requested_at=func.coalesce(Message.cancel_requested_at, func.now())),
            execution_options={"synchronize_session": False},
        )

    async def next_of_room(self, chatroom_id: UUID) -> Message | None:
        """Return the first unfinished reply of a room."""
        return await self.connection.session.scalar(
            select(Message)
            .where(Message.chatroom_id == chatroom_id, UNFINISHED)
            .order_by(Message.position)
            .limit(1)
        )
