"""A room as a document: JSON for programs, Markdown for people; streamed page by page."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.kit.clock import Clock
from app.kit.download import (
    PAGE,
    Download,
    Page,
    Pieces,
    ReadPage,
    all_rows,
    file_name,
    json_array,
    json_opening,
)
from app.schemas.chatroom import ChatroomOut
from app.schemas.export import ExportFormat
from app.schemas.message import MessageOut
from app.services.chat.markdown import message_in_markdown, room_in_markdown
from app.services.generation.offered_models import OfferedModels
from app.services.ownership import own_room
from app.unit_of_work import UnitOfWork

_UNTITLED = "chatroom"
_READ_AT_ONCE = 4_000  # characters of a message; longer ones are read beside the other requests


@dataclass(frozen=True, slots=True)
class RoomExportService:
    """Reads in pages, each in a short read of its own: memory stays flat and nothing is held meanwhile."""

    uow: UnitOfWork
    clock: Clock
    models: OfferedModels

    async def begin(self, user_id: UUID, chatroom_id: UUID, document: ExportFormat) -> Download:
        """The room with all its messages, oldest first. Errors after this one come out of its pieces.

        Raises:
            ChatroomNotFound: not a room of this user.
        """
        room, now = await self._room(user_id, chatroom_id), self.clock()
        name = room.title or _UNTITLED
        if document is ExportFormat.MARKDOWN:
            pieces = self._markdown(user_id, room, now)
            return Download(file_name(name, "md"), "text/markdown; charset=utf-8", pieces)
        return Download(file_name(name, "json"), "application/json", self._json(user_id, room, now))

    async def _room(self, user_id: UUID, chatroom_id: UUID) -> ChatroomOut:
        async with self.uow.autocommit() as tx:
            return ChatroomOut.model_validate(await own_room(tx, user_id, chatroom_id))

    async def _json(self, user_id: UUID, room: ChatroomOut, now: datetime) -> Pieces:
        yield f'{json_opening(now)},"chatroom":{room.model_dump_json()}'
        async for piece in json_array("messages", self._messages(user_id, room.id), 0):
            yield piece
        await self._room(
            user_id, room.id
        )  # erased meanwhile, this would be half of it and look like the whole
        yield "}"

    async def _markdown(self, user_id: UUID, room: ChatroomOut, now: datetime) -> Pieces:
        model = self.models.choose(room.model)
        yield room_in_markdown(room, model=model, exported_at=now)
        async for message in all_rows(self._messages(user_id, room.id), 0):
            if len(message.content) < _READ_AT_ONCE:
                yield message_in_markdown(message, model=model)
            else:
                yield await asyncio.to_thread(message_in_markdown, message, model=model)
        await self._room(user_id, room.id)

    def _messages(self, user_id: UUID, chatroom_id: UUID) -> ReadPage[int, MessageOut]:
        async def read(after: int) -> Page[int, MessageOut]:
            async with self.uow.autocommit() as tx:
                page = await tx.exports.messages(user_id, chatroom_id=chatroom_id, after=after, limit=PAGE)
            rows = [(row.position, MessageOut.of(row)) for row in page.rows]
            return Page(rows, is_last=page.is_last(PAGE))

        return read
