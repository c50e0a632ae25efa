"""SQL about chatrooms; every statement that serves a person names them as the owner."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased, undefer

from app.models import Chatroom, Message, MessageStatus, Role, TitleSource

_Question = aliased(Message, name="question")


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


def _belongs_to_context() -> ColumnElement[bool]:
    """Completed, cut at the output limit, or cancelled after some text; not failed, blocked or replaced."""
    return and_(
        Message.superseded.is_(False),
        or_(
            Message.status == MessageStatus.COMPLETED,
            and_(Message.status == MessageStatus.CANCELLED, Message.content != ""),
        ),
    )


def _stretch(chatroom_id: UUID, *, after: int, before: int) -> ColumnElement[bool]:
    return and_(
        Message.chatroom_id == chatroom_id,
        Message.role == Role.MODEL,
        Message.position > after,
        Message.position < before,
    )


@dataclass(frozen=True, slots=True)
class ChatroomRepository:
    """A person's rooms, and what workers read and keep of them."""

    session: AsyncSession

    def add(self, room: Chatroom) -> None:
        """Open a room."""
        self.session.add(room)

    async def get(self, chatroom_id: UUID) -> Chatroom | None:
        """The room of a reply that a worker holds, summary included; people's requests use `get_owned`."""
        return await self.session.get(Chatroom, chatroom_id, options=[undefer(Chatroom.summary)])

    async def get_owned(self, chatroom_id: UUID, user_id: UUID, *, lock: bool = False) -> Chatroom | None:
        """The user's own room; with `lock`, held until the transaction ends, so its writers queue up."""
        query = select(Chatroom).where(Chatroom.id == chatroom_id, Chatroom.user_id == user_id)
        return await self.session.scalar(query.with_for_update() if lock else query)

    async def page(
        self, user_id: UUID, *, archived: bool, before: tuple[datetime, UUID] | None, limit: int
    ) -> list[Chatroom]:
        """Up to `limit` rooms by newest activity, after the room at `before`."""
        query = (
            select(Chatroom)
            .where(Chatroom.user_id == user_id, Chatroom.archived.is_(archived))
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
        belongs = _belongs_to_context() if owed is None else or_(Message.id == owed, _belongs_to_context())
        return await self._exchanges(
            and_(_stretch(chatroom_id, after=after, before=before), belongs), Message.position.desc(), limit
        )

    async def oldest_exchanges(
        self, chatroom_id: UUID, *, after: int, before: int, limit: int
    ) -> list[PastExchange]:
        """The context's exchanges with replies between two positions, oldest first."""
        stretch = _stretch(chatroom_id, after=after, before=before)
        return await self._exchanges(and_(stretch, _belongs_to_context()), Message.position.asc(), limit)

    async def _exchanges(
        self, which: ColumnElement[bool], order: ColumnElement[int], limit: int
    ) -> list[PastExchange]:
        rows = await self.session.execute(
            select(Message.position, _Question.content, Message.content)
            .join(_Question, _Question.id == Message.reply_to)
            .where(which)
            .order_by(order)
            .limit(limit)
        )
        return [PastExchange(position, question, answer) for position, question, answer in rows]

    async def history_size(self, chatroom_id: UUID, *, after: int, before: int) -> HistorySize:
        """How much the context's exchanges between two positions are; their texts stay where they are."""
        text_bytes = func.octet_length(_Question.content) + func.octet_length(Message.content)
        row = (
            await self.session.execute(
                select(func.count(), func.coalesce(func.sum(text_bytes), 0))
                .select_from(Message)
                .join(_Question, _Question.id == Message.reply_to)
                .where(_stretch(chatroom_id, after=after, before=before), _belongs_to_context())
            )
        ).one()
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
            .values(title=title, title_source=TitleSource.GEMINI, updated_at=now)
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
