"""Export of a room as JSON or Markdown, streamed page by page."""

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
_MAX_INLINE_CHARS = 4_000  # longer messages are formatted in a thread, not in the event loop


@dataclass(frozen=True, slots=True)
class RoomExportService:
    """Exports rooms. Each page is a short read of its own, so memory is bounded and no connection is held."""

    uow: UnitOfWork
    clock: Clock
    models: OfferedModels

    async def begin(self, user_id: UUID, chatroom_id: UUID, document: ExportFormat) -> Download:
        """Start the export of a room with all its messages, oldest first; later errors come from its pieces.

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
        await self._room(user_id, room.id)  # fails if it was erased meanwhile: the document is incomplete
        yield "}"

    async def _markdown(self, user_id: UUID, room: ChatroomOut, now: datetime) -> Pieces:
        model = self.models.choose(room.model)
        yield room_in_markdown(room, model=model, exported_at=now)
        async for message in all_rows(self._messages(user_id, room.id), 0):
            if len(message.content) < _MAX_INLINE_CHARS:
                yield message_in_markdown(message, model=model)
            else:
                yield await asyncio.to_thread(message_in_markdown, message, model=model)
        await self._room(user_id, room.id)  # as above

    def _messages(self, user_id: UUID, chatroom_id: UUID) -> ReadPage[int, MessageOut]:
        async def read(after: int) -> Page[int, MessageOut]:
            async with self.uow.autocommit() as tx:
                page = await tx.exports.messages(user_id, chatroom_id=chatroom_id, after=after, limit=PAGE)
            rows = [(row.position, MessageOut.of(row)) for row in page.rows]
            return Page(rows, is_last=page.is_last(PAGE))

        return read
