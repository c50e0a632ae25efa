"""SQL about chatrooms; every statement that serves a person names them as the owner."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import cast
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
    literal,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Chatroom, Message, MessageStatus, Role, TitleSource

# Statements about tables rather than mapped classes where no objects are wanted: they run twice as fast.
_ROOM = cast("Table", Chatroom.__table__)
_ANSWER = cast("Table", Message.__table__)
_QUESTION = _ANSWER.alias("question")


@dataclass(frozen=True, slots=True)
class RoomMemory:
    """What workers know of a room: how it answers, and what it remembers up to `summary_upto`."""

    id: UUID
    model: str
    follows_default: bool | None
    title_source: TitleSource
    system_instruction: str | None
    bytes_per_token: float
    summary: str | None
    summary_upto: int

    @property
    def named_model(self) -> str | None:
        """The model that the room names; None when it follows the default."""
        return None if self.follows_default else self.model


ROOM_MEMORY = tuple(_ROOM.c[field.name] for field in fields(RoomMemory))
"""The columns of a `RoomMemory`, in its order."""


@dataclass(frozen=True, slots=True)
class PastExchange:
    """What a person said and what the model answered. `position` is the answer's."""

    position: int
    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class HistorySize:
    """How much a stretch of a room's history is, in exchanges and in bytes of their text."""

    exchanges: int
    text_bytes: int


# The statements that run for every message are built once: that takes longer than running them.
_BELONGS_TO_CONTEXT = and_(
    _ANSWER.c.superseded.is_(False),
    or_(
        _ANSWER.c.status == MessageStatus.COMPLETED,
        and_(_ANSWER.c.status == MessageStatus.CANCELLED, _ANSWER.c.content != ""),
    ),
)
"""Completed, cut at the output limit, or cancelled after some text; not failed, blocked or replaced."""


def _stretch(
    room: ColumnElement[UUID], after: ColumnElement[int], before: ColumnElement[int]
) -> ColumnElement[bool]:
    """The replies of a room between two positions."""
    return and_(
        _ANSWER.c.chatroom_id == room,
        _ANSWER.c.role == Role.MODEL,
        _ANSWER.c.position > after,
        _ANSWER.c.position < before,
    )


def exchanges(
    order: ColumnElement[int],
    room: ColumnElement[UUID],
    after: ColumnElement[int],
    before: ColumnElement[int],
    owed: ColumnElement[UUID],
    most: ColumnElement[int],
) -> Select[tuple[int, str, str]]:
    """The context's exchanges of a stretch, and the one that is owed, which nothing has come of yet."""
    return (
        select(_ANSWER.c.position, _QUESTION.c.content.label("question"), _ANSWER.c.content.label("answer"))
        .select_from(_ANSWER.join(_QUESTION, _QUESTION.c.id == _ANSWER.c.reply_to))
        .where(_stretch(room, after, before), or_(_ANSWER.c.id == owed, _BELONGS_TO_CONTEXT))
        .order_by(order)
        .limit(most)
    )


_BOUNDS = (
    bindparam("room", type_=Uuid),
    bindparam("after", type_=Integer),
    bindparam("before", type_=Integer),
)
_WHICH = (*_BOUNDS, bindparam("owed", type_=Uuid), bindparam("most", type_=Integer))
_NEWEST = exchanges(_ANSWER.c.position.desc(), *_WHICH)
_OLDEST = exchanges(_ANSWER.c.position.asc(), *_WHICH)

_text_bytes = func.octet_length(_QUESTION.c.content) + func.octet_length(_ANSWER.c.content)
_SIZE = (
    select(func.count(), func.coalesce(func.sum(_text_bytes), 0))
    .select_from(_ANSWER.join(_QUESTION, _QUESTION.c.id == _ANSWER.c.reply_to))
    .where(_stretch(*_BOUNDS), _BELONGS_TO_CONTEXT)
)

_MEMORY = select(*ROOM_MEMORY).where(_ROOM.c.id == bindparam("room", type_=Uuid), _ROOM.c.erase_at.is_(None))


def is_own_room(room: ColumnElement[UUID], owner: ColumnElement[UUID]) -> ColumnElement[bool]:
    """Whether this is a room of this person, and not deleted."""
    return and_(_ROOM.c.id == room, _ROOM.c.user_id == owner, _ROOM.c.erase_at.is_(None))


# Bounds and order are those of ix_chatrooms_of_user, so that no plan reads other users' rooms.
_OWNER = bindparam("owner", type_=Uuid)
_COUNTED = (
    select(_ROOM.c.id)
    .where(
        tuple_(_ROOM.c.user_id, _ROOM.c.id) > tuple_(_OWNER, literal(UUID(int=0), Uuid)),
        _ROOM.c.user_id <= _OWNER,
        _ROOM.c.erase_at.is_(None),
    )
    .order_by(_ROOM.c.user_id, _ROOM.c.id)
    .limit(bindparam("most", type_=Integer))
)
_COUNT = select(func.count()).select_from(_COUNTED.subquery())

_OWNED = select(Chatroom).where(is_own_room(bindparam("room", type_=Uuid), _OWNER))
_OWNED_LOCKED = _OWNED.with_for_update()


@dataclass(frozen=True, slots=True)
class ChatroomRepository:
    """A person's rooms, and what workers read and keep of them."""

    session: AsyncSession

    def add(self, room: Chatroom) -> None:
        """Open a room."""
        self.session.add(room)

    async def count(self, user_id: UUID, *, most: int) -> int:
        """How many rooms a user has, deleted ones left out; of more than `most` no more are read."""
        counted: int | None = await self.session.scalar(_COUNT, {"owner": user_id, "most": most})
        return counted or 0

    async def get_memory(self, chatroom_id: UUID) -> RoomMemory | None:
        """The room of a reply that a worker holds; people's requests use `get_owned`."""
        row = (await self.session.execute(_MEMORY, {"room": chatroom_id})).one_or_none()
        return None if row is None else RoomMemory(*row)

    async def get_owned(self, chatroom_id: UUID, user_id: UUID, *, lock: bool = False) -> Chatroom | None:
        """The user's own room; with `lock`, held until the transaction ends, so its writers queue up."""
        return await self.session.scalar(
            _OWNED_LOCKED if lock else _OWNED, {"room": chatroom_id, "owner": user_id}
        )

    async def page(
        self, user_id: UUID, *, archived: bool, before: tuple[datetime, UUID] | None, limit: int
    ) -> list[Chatroom]:
        """Up to `limit` rooms by newest activity, after the room at `before`."""
        query = (
            select(Chatroom)
            .where(Chatroom.user_id == user_id, Chatroom.archived.is_(archived), Chatroom.erase_at.is_(None))
            .order_by(Chatroom.active_at.desc(), Chatroom.id.desc())
            .limit(limit)
        )
        if before is not None:
            query = query.where(tuple_(Chatroom.active_at, Chatroom.id) < before)
        return list(await self.session.scalars(query))

    async def newest_exchanges(
        self, chatroom_id: UUID, *, after: int, before: int, limit: int, owed: UUID | None = None
    ) -> list[PastExchange]:
        """The context's exchanges with replies between two positions, newest first.

        `owed`: a reply that is listed although nothing has come of it yet.
        """
        return await self._exchanges(_NEWEST, chatroom_id, after, before, limit, owed)

    async def oldest_exchanges(
        self, chatroom_id: UUID, *, after: int, before: int, limit: int
    ) -> list[PastExchange]:
        """The context's exchanges with replies between two positions, oldest first."""
        return await self._exchanges(_OLDEST, chatroom_id, after, before, limit, None)

    async def _exchanges(
        self, query: Executable, chatroom_id: UUID, after: int, before: int, limit: int, owed: UUID | None
    ) -> list[PastExchange]:
        values = {"room": chatroom_id, "after": after, "before": before, "most": limit, "owed": owed}
        rows = await self.session.execute(query, values)
        return [PastExchange(position, question, answer) for position, question, answer in rows]

    async def history_size(self, chatroom_id: UUID, *, after: int, before: int) -> HistorySize:
        """How much the context's exchanges between two positions are; their texts stay where they are."""
        values = {"room": chatroom_id, "after": after, "before": before}
        row = (await self.session.execute(_SIZE, values)).one()
        return HistorySize(exchanges=row[0], text_bytes=row[1])

    async def learn_bytes_per_token(self, chatroom_id: UUID, rate: float) -> None:
        """Keep Gemini's own rate for this room's text."""
        await self.session.execute(
            update(Chatroom).where(Chatroom.id == chatroom_id).values(bytes_per_token=rate)
        )

    async def replace_first_words(self, chatroom_id: UUID, title: str, *, now: datetime) -> UUID | None:
        """Put Gemini's title where the first words still stand in; returns the owner, None if they do not."""
        return await self.session.scalar(
            update(Chatroom)
            .where(Chatroom.id == chatroom_id, Chatroom.title_source == TitleSource.FIRST_WORDS)
            .values(title=title, title_source=TitleSource.MODEL, updated_at=now)
            .returning(Chatroom.user_id),
            execution_options={"synchronize_session": False},
        )

    async def extend_summary(self, chatroom_id: UUID, summary: str, *, old_upto: int, upto: int) -> bool:
        """Keep a summary that extends the one up to `old_upto`; False if that is not the room's any more."""
        extended = await self.session.scalar(
            update(Chatroom)
            .where(Chatroom.id == chatroom_id, Chatroom.summary_upto == old_upto)
            .values(summary=summary, summary_upto=upto)
            .returning(Chatroom.id),
            execution_options={"synchronize_session": False},
        )
        return extended is not None
