"""SQL that workers use to read a room's context: its settings, summary and past exchanges."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Executable,
    Integer,
    Select,
    Table,
    Uuid,
    and_,
    bindparam,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Chatroom, Message, MessageStatus, Role, TitleSource

# Statements about tables, not mapped classes: they run twice as fast where no objects are needed.
_ROOM = cast("Table", Chatroom.__table__)
_REPLY = cast("Table", Message.__table__)
_QUESTION = _REPLY.alias("question")
_SILENT: Final = {"synchronize_session": False}


@dataclass(frozen=True, slots=True)
class RoomContext:
    """A room's settings, and its summary of the messages through position `summarized_through`."""

    id: UUID
    model: str
    follows_default: bool | None
    title_source: TitleSource
    system_instruction: str | None
    bytes_per_token: float
    summary: str | None
    summarized_through: int

    @property
    def named_model(self) -> str | None:
        """The model that the room names; None when it follows the default."""
        return None if self.follows_default else self.model


def room_context(values: Sequence[Any]) -> RoomContext:
    """Build a context of the driver's values, in the order of its fields."""
    context = RoomContext(*values)
    return replace(context, title_source=TitleSource(context.title_source))


_COLUMN_NAMES: Final = {"summarized_through": "summary_upto"}
ROOM_CONTEXT = tuple(_ROOM.c[_COLUMN_NAMES.get(field.name, field.name)] for field in fields(RoomContext))
"""The columns of a `RoomContext`, in its order."""


@dataclass(frozen=True, slots=True)
class PastExchange:
    """A user's message and the model's reply. `position` is the reply's."""

    position: int
    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class HistorySize:
    """Size of a part of a room's history: number of exchanges and UTF-8 bytes of their text."""

    exchanges: int
    text_bytes: int


# The statements that run for every message are built once: building takes longer than running.
_BELONGS_TO_CONTEXT = and_(
    _REPLY.c.superseded.is_(False),
    or_(
        _REPLY.c.status == MessageStatus.COMPLETED,
        and_(_REPLY.c.status == MessageStatus.CANCELLED, _REPLY.c.content != ""),
    ),
)
"""Completed, cut at the output limit, or cancelled after some text; not failed, blocked or replaced."""


def _replies_between(
    room: ColumnElement[UUID], after: ColumnElement[int], before: ColumnElement[int]
) -> ColumnElement[bool]:
    """Match the replies of a room between two positions."""
    return and_(
        _REPLY.c.chatroom_id == room,
        _REPLY.c.role == Role.MODEL,
        _REPLY.c.position > after,
        _REPLY.c.position < before,
    )


def exchanges(
    order: ColumnElement[int],
    room: ColumnElement[UUID],
    after: ColumnElement[int],
    before: ColumnElement[int],
    pending_reply_id: ColumnElement[UUID],
    limit: ColumnElement[int],
) -> Select[tuple[int, str, str]]:
    """Select the context's exchanges between two positions, and the exchange of `pending_reply_id`."""
    return (
        select(_REPLY.c.position, _QUESTION.c.content.label("question"), _REPLY.c.content.label("answer"))
        .select_from(_REPLY.join(_QUESTION, _QUESTION.c.id == _REPLY.c.reply_to))
        .where(
            _replies_between(room, after, before), or_(_REPLY.c.id == pending_reply_id, _BELONGS_TO_CONTEXT)
        )
        .order_by(order)
        .limit(limit)
    )


_BOUNDS = (
    bindparam("room", type_=Uuid),
    bindparam("after", type_=Integer),
    bindparam("before", type_=Integer),
)
_BINDS = (*_BOUNDS, bindparam("pending_reply_id", type_=Uuid), bindparam("limit", type_=Integer))
_NEWEST = exchanges(_REPLY.c.position.desc(), *_BINDS)
_OLDEST = exchanges(_REPLY.c.position.asc(), *_BINDS)

_text_bytes = func.octet_length(_QUESTION.c.content) + func.octet_length(_REPLY.c.content)
_SIZE = (
    select(func.count(), func.coalesce(func.sum(_text_bytes), 0))
    .select_from(_REPLY.join(_QUESTION, _QUESTION.c.id == _REPLY.c.reply_to))
    .where(_replies_between(*_BOUNDS), _BELONGS_TO_CONTEXT)
)
_CONTEXT = select(*ROOM_CONTEXT).where(
    _ROOM.c.id == bindparam("room", type_=Uuid), _ROOM.c.erase_at.is_(None)
)


@dataclass(frozen=True, slots=True)
class RoomContextRepository:
    """Room contexts by room id, for workers: no statement here checks the owner."""

    session: AsyncSession

    async def get_context(self, chatroom_id: UUID) -> RoomContext | None:
        """Return the context of a room; None once it is deleted."""
        row = (await self.session.execute(_CONTEXT, {"room": chatroom_id})).one_or_none()
        return None if row is None else RoomContext(*row)

    async def newest_exchanges(
        self, chatroom_id: UUID, *, after: int, before: int, limit: int, pending_reply_id: UUID | None = None
    ) -> list[PastExchange]:
        """Return the context's exchanges with replies between two positions, newest first.

        `pending_reply_id`: a reply to include although it has no text yet.
        """
        return await self._exchanges(_NEWEST, chatroom_id, after, before, limit, pending_reply_id)

    async def oldest_exchanges(
        self, chatroom_id: UUID, *, after: int, before: int, limit: int
    ) -> list[PastExchange]:
        """Return the context's exchanges with replies between two positions, oldest first."""
        return await self._exchanges(_OLDEST, chatroom_id, after, before, limit, None)

    async def _exchanges(
        self,
        statement: Executable,
        chatroom_id: UUID,
        after: int,
        before: int,
        limit: int,
        pending_reply_id: UUID | None,
    ) -> list[PastExchange]:
        values = {
            "room": chatroom_id,
            "after": after,
            "before": before,
            "limit": limit,
            "pending_reply_id": pending_reply_id,
        }
        rows = await self.session.execute(statement, values)
        return [PastExchange(position, question, answer) for position, question, answer in rows]

    async def history_size(self, chatroom_id: UUID, *, after: int, before: int) -> HistorySize:
        """Measure the context's exchanges between two positions without transferring their texts."""
        values = {"room": chatroom_id, "after": after, "before": before}
        row = (await self.session.execute(_SIZE, values)).one()
        return HistorySize(exchanges=row[0], text_bytes=row[1])

    async def learn_bytes_per_token(self, chatroom_id: UUID, rate: float) -> None:
        """Store the rate of UTF-8 bytes per token that the model counted in this room."""
        await self.session.execute(
            update(Chatroom).where(Chatroom.id == chatroom_id).values(bytes_per_token=rate)
        )

    async def replace_placeholder_title(self, chatroom_id: UUID, title: str, *, now: datetime) -> UUID | None:
        """Replace a title of first words by the model's; return the owner, None if it was changed since."""
        return await self.session.scalar(
            update(Chatroom)
            .where(Chatroom.id == chatroom_id, Chatroom.title_source == TitleSource.FIRST_WORDS)
            .values(title=title, title_source=TitleSource.MODEL, updated_at=now)
            .returning(Chatroom.user_id),
            execution_options=_SILENT,
        )

    async def extend_summary(self, chatroom_id: UUID, summary: str, *, old_end: int, new_end: int) -> bool:
        """Store a summary through `new_end`; False if the stored one no longer ends at `old_end`."""
        extended = await self.session.scalar(
            update(Chatroom)
            .where(Chatroom.id == chatroom_id, Chatroom.summarized_through == old_end)
            .values(summary=summary, summarized_through=new_end)
            .returning(Chatroom.id),
            execution_options=_SILENT,
        )
        return extended is not None
