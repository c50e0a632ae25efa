"""SQL about replies for operators, who see those of all users; nothing here returns a message's text."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Final, cast
from uuid import UUID

from sqlalchemy import ColumnElement, Table, TextClause, case, exists, func, select, update
from sqlalchemy.orm import aliased

from app.database import PooledConnection
from app.models import Chatroom, Message, MessageStatus, Role
from app.models.message import UNFINISHED
from app.repositories.intervals import seconds

_MESSAGE: Final = cast("Table", Message.__table__)
_UNFINISHED: Final = frozenset({MessageStatus.PENDING, MessageStatus.GENERATING})
_Condition = ColumnElement[bool] | TextClause
_LONGEST_WAIT: Final = timedelta(days=7)
"""The primary key is in order of creation; a reply that ended in a time may be older by so much."""


@dataclass(frozen=True, slots=True)
class ReplySummary:
    """A reply without its text."""

    id: UUID
    user_id: UUID
    chatroom_id: UUID
    message_id: UUID
    """The message that it answers."""
    status: MessageStatus
    error_code: str | None
    last_error: str | None
    """The reason of the last failed attempt, for operators."""
    model: str | None
    is_superseded: bool
    is_latest: bool
    """Whether it is the newest of its room, which alone can be retried."""
    attempt: int
    retries: int
    worker_losses: int
    created_at: datetime
    completed_at: datetime | None
    next_attempt_at: datetime | None
    cancel_requested_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReplyFilter:
    """Conditions on replies; an empty one selects all."""

    statuses: frozenset[MessageStatus] = frozenset()
    since: timedelta | None = None
    """Ended, or stored if they have not ended, at most so long ago."""
    user_id: UUID | None = None
    error_code: str | None = None
    is_current: bool = False
    """Leave out replies that were regenerated."""
    before: UUID | None = None
    """The last reply of the previous page."""


@dataclass(frozen=True, slots=True)
class ReplyAdministrationRepository:
    """Replies of all users."""

    connection: PooledConnection

    async def find(self, wanted: ReplyFilter, *, now: datetime, limit: int) -> Sequence[ReplySummary]:
        """Return up to `limit` replies, newest first."""
        return await self._summaries(_conditions(wanted, now), limit=limit)

    async def get(self, reply_id: UUID) -> ReplySummary | None:
        """Return a reply."""
        found = await self._summaries([_MESSAGE.c.id == reply_id], limit=1)
        return found[0] if found else None

    async def make_due(self, reply_id: UUID) -> bool:
        """Make a reply due now, with all its retries; False if it does not wait, or is to be cancelled."""
        made = await self.connection.session.scalar(
            update(Message)
            .where(
                Message.id == reply_id,
                Message.status == MessageStatus.PENDING,
                Message.cancel_requested_at.is_(None),
            )
            .values(next_attempt_at=None, retries=0)
            .returning(Message.id),
            execution_options={"synchronize_session": False},
        )
        return made is not None

    async def count_cancelling(self, user_id: UUID) -> int:
        """Count the user's replies that their workers have yet to cancel."""
        found = await self.connection.session.scalar(
            select(func.count())
            .select_from(Message)
            .where(_of_user(user_id), UNFINISHED, Message.cancel_requested_at.is_not(None))
        )
        return found or 0

    async def _summaries(self, conditions: Sequence[_Condition], *, limit: int) -> list[ReplySummary]:
        found = await self.connection.session.execute(
            select(*_COLUMNS)
            .where(_MESSAGE.c.role == Role.MODEL, *conditions)
            .order_by(_MESSAGE.c.id.desc())
            .limit(limit)
        )
        return [ReplySummary(*row) for row in found]


def _conditions(wanted: ReplyFilter, now: datetime) -> list[_Condition]:
    conditions: list[_Condition] = []
    if wanted.statuses:
        conditions.append(_MESSAGE.c.status.in_(wanted.statuses))
        if wanted.statuses <= _UNFINISHED:
            conditions.append(UNFINISHED)  # written out, as the partial index's condition is
    if wanted.user_id is not None:
        conditions.append(_of_user(wanted.user_id))
    if wanted.error_code is not None:
        conditions.append(_MESSAGE.c.error_code == wanted.error_code)
    if wanted.is_current:
        conditions.append(~_MESSAGE.c.superseded)
    if wanted.before is not None:
        conditions.append(_MESSAGE.c.id < wanted.before)
    if wanted.since is not None:
        last = func.coalesce(_MESSAGE.c.completed_at, _MESSAGE.c.queued_at)
        conditions.append(last >= func.now() - seconds(wanted.since.total_seconds()))
        conditions.append(_MESSAGE.c.id >= _first_id_of(now - wanted.since - _LONGEST_WAIT))
    return conditions


def _of_user(user_id: UUID) -> ColumnElement[bool]:
    """Select a user's messages by the rooms: messages have an index by room."""
    return _MESSAGE.c.chatroom_id.in_(select(Chatroom.id).where(Chatroom.user_id == user_id))


def _first_id_of(time: datetime) -> UUID:
    """Return the smallest id of messages that were stored at a time."""
    return UUID(int=max(int(time.astimezone(UTC).timestamp() * 1000), 0) << 80)


_LATER = aliased(Message)
_IS_LATEST = case(
    (_MESSAGE.c.superseded, False),
    else_=~exists().where(
        _LATER.chatroom_id == _MESSAGE.c.chatroom_id, _LATER.position > _MESSAGE.c.position
    ),
)
_NAMED: Final = {
    "message_id": _MESSAGE.c.reply_to,
    "is_superseded": _MESSAGE.c.superseded,
    "is_latest": _IS_LATEST,
    "worker_losses": _MESSAGE.c.losses,
}
_COLUMNS: Final = [
    (_NAMED[field.name] if field.name in _NAMED else _MESSAGE.c[field.name]).label(field.name)
    for field in fields(ReplySummary)
]
