"""SQL that workers use to read a room's context: its settings, summary and past exchanges."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import update

from app.database import PooledConnection, Statement
from app.models import Chatroom, TitleSource
from app.repositories.sql import query

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


_BOUNDS: Final = {"room": "uuid", "after": "integer", "before": "integer"}
_EXCHANGES: Final = {**_BOUNDS, "pending_reply_id": "uuid", "limit": "integer"}
_CONTEXT: Final = query("read_context", room="uuid")
_NEWEST: Final = query("read_newest_exchanges", **_EXCHANGES)
_OLDEST: Final = query("read_oldest_exchanges", **_EXCHANGES)
_SIZE: Final = query("measure_history", **_BOUNDS)


@dataclass(frozen=True, slots=True)
class RoomContextRepository:
    """Room contexts by room id, for workers: no statement here checks the owner."""

    connection: PooledConnection

    async def get_context(self, chatroom_id: UUID) -> RoomContext | None:
        """Return the context of a room; None once it is deleted."""
        row = await self.connection.fetch_row(_CONTEXT, {"room": chatroom_id})
        return None if row is None else room_context(tuple(row))

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
        statement: Statement,
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
        rows = await self.connection.fetch(statement, values)
        return [PastExchange(position, question, answer) for position, question, answer in rows]

    async def history_size(self, chatroom_id: UUID, *, after: int, before: int) -> HistorySize:
        """Measure the context's exchanges between two positions without transferring their texts."""
        values = {"room": chatroom_id, "after": after, "before": before}
        [row] = await self.connection.fetch(_SIZE, values)
        return HistorySize(exchanges=row["exchanges"], text_bytes=row["text_bytes"])

    async def learn_bytes_per_token(self, chatroom_id: UUID, rate: float) -> None:
        """Store the rate of UTF-8 bytes per token that the model counted in this room."""
        await self.connection.session.execute(
            update(Chatroom).where(Chatroom.id == chatroom_id).values(bytes_per_token=rate)
        )

    async def replace_placeholder_title(self, chatroom_id: UUID, title: str, *, now: datetime) -> UUID | None:
        """Replace a title of first words by the model's; return the owner, None if it was changed since."""
        return await self.connection.session.scalar(
            update(Chatroom)
            .where(Chatroom.id == chatroom_id, Chatroom.title_source == TitleSource.FIRST_WORDS)
            .values(title=title, title_source=TitleSource.MODEL, updated_at=now)
            .returning(Chatroom.user_id),
            execution_options=_SILENT,
        )

    async def extend_summary(self, chatroom_id: UUID, summary: str, *, old_end: int, new_end: int) -> bool:
        """Store a summary through `new_end`; False if the stored one no longer ends at `old_end`."""
        extended = await self.connection.session.scalar(
            update(Chatroom)
            .where(Chatroom.id == chatroom_id, Chatroom.summarized_through == old_end)
            .values(summary=summary, summarized_through=new_end)
            .returning(Chatroom.id),
            execution_options=_SILENT,
        )
        return extended is not None
