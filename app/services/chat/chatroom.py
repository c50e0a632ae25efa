"""Chatrooms: create, list, read, change, delete."""

from dataclasses import dataclass
from uuid import UUID

import structlog

from app.database import Record
from app.errors import ChatroomNotFound, IdempotencyKeyReused
from app.kit.clock import Clock
from app.kit.paging import DEFAULT_PAGE, CursorPage, CursorSigner, time_and_id
from app.kit.user_limiter import PerUserLimiter
from app.kit.utc_text import utc_text
from app.models import Chatroom, ChatroomKey, TitleSource
from app.models.base import new_id
from app.redis_client.chatroom_cache import ChatroomCache
from app.repositories.message import of_room
from app.schemas.base import write_json
from app.schemas.chatroom import ChatroomIn, ChatroomOut, ChatroomPatch, room_fields
from app.schemas.message import message_fields
from app.services.chat.room_limit import RoomLimit
from app.services.chat.room_request import RoomRequest
from app.services.generation.offered_models import OfferedModels
from app.services.generation.reply_canceller import LISTENER_GRACE_SECONDS, ReplyCanceller
from app.services.ownership import own_room
from app.unit_of_work import Transaction, UnitOfWork

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Listing:
    """A page as encoded JSON."""

    body: str
    is_cached: bool | None = None
    """Whether the cache had it; None for pages that are never cached."""


@dataclass(frozen=True, slots=True)
class OpenedRoom:
    """The room of a create request."""

    room: ChatroomOut
    is_replay: bool
    """Whether an earlier request with the same key created it."""


@dataclass(frozen=True, slots=True)
class ChatroomService:
    """Chatrooms of a user."""

    uow: UnitOfWork
    cache: ChatroomCache
    canceller: ReplyCanceller
    cursors: CursorSigner
    user_limiter: PerUserLimiter
    clock: Clock
    models: OfferedModels
    limit: RoomLimit

    async def create(
        self, user_id: UUID, request: ChatroomIn, *, idempotency_key: str | None = None
    ) -> OpenedRoom:
        """Create a room; with a key that has created one already, return that one.

        Raises:
            ChatroomLimitReached: the user has as many as the plan allows.
            ChatroomNotFound: the room of this key was deleted.
            IdempotencyKeyReused: the key was used with another request.
            ValidationFailed: the model is not offered.
        """
        keyed = None if idempotency_key is None else RoomRequest.of(user_id, idempotency_key, request)
        async with self.user_limiter.acquire(user_id), self.uow.begin() as tx:
            # Lock before reading the key: later requests with the same key see the room of the first.
            plan = await self.limit.lock(tx, user_id)
            if keyed is not None and (known := await self._find(tx, keyed)):
                return OpenedRoom(ChatroomOut.model_validate(known), is_replay=True)
            self.models.require(request.model)
            await self.limit.require_space(tx, user_id, plan)
            room = self._new_room(user_id, request)
            tx.chatrooms.add(room)
            if keyed is not None:
                await tx.chatroom_keys.add(
                    ChatroomKey(
                        user_id=user_id,
                        key_digest=keyed.key_digest,
                        body_digest=keyed.body_digest,
                        chatroom_id=room.id,
                        created_at=room.created_at,
                    )
                )
            tx.invalidate_room_list(user_id)
        return OpenedRoom(ChatroomOut.model_validate(room), is_replay=False)

    async def _find(self, tx: Transaction, keyed: RoomRequest) -> Chatroom | None:
        """Return the current state of the room that this request created; None if its key is new."""
        known = await tx.chatroom_keys.get(keyed.user_id, keyed.key_digest)
        if known is None:
            return None
        if known.body_digest != keyed.body_digest:
            raise IdempotencyKeyReused
        if known.chatroom_id is None:
            raise ChatroomNotFound
        return await own_room(tx, keyed.user_id, known.chatroom_id)

    def _new_room(self, user_id: UUID, request: ChatroomIn) -> Chatroom:
        now = self.clock()
        room = Chatroom(
            id=new_id(),
            user_id=user_id,
            title=request.title,
            title_source=TitleSource.USER if request.title else TitleSource.NONE,
            description=request.description,
            system_instruction=request.system_instruction,
            active_at=now,
            created_at=now,
            updated_at=now,
        )
        room.name_model(request.model, default=self.models.default)
        return room

    async def change(self, user_id: UUID, chatroom_id: UUID, request: ChatroomPatch) -> ChatroomOut:
        """Change the fields of a room that the request names.

        Raises:
            ChatroomNotFound: not a room of this user.
            ValidationFailed: the model is not offered.
        """
        changes = request.model_dump(exclude_unset=True)
        names_model = "model" in changes
        self.models.require(changes.pop("model", None))
        if "title" in changes:
            changes["title_source"] = TitleSource.USER if request.title else TitleSource.NONE
        async with self.user_limiter.acquire(user_id), self.uow.begin() as tx:
            room = await own_room(tx, user_id, chatroom_id, lock=True)
            for name, value in changes.items():
                setattr(room, name, value)
            if names_model:
                room.name_model(request.model, default=self.models.default)
            room.updated_at = self.clock()
            tx.invalidate_room_list(user_id)
        return ChatroomOut.model_validate(room)

    async def delete(self, user_id: UUID, chatroom_id: UUID) -> None:
        """Hide a room for good and stop its replies; a worker erases it later.

        Raises:
            ChatroomNotFound: not a room of this user.
        """
        async with self.user_limiter.acquire(user_id), self.uow.begin() as tx:
            await own_room(tx, user_id, chatroom_id, lock=True)
            await tx.room_deletions.schedule(chatroom_id, after_seconds=LISTENER_GRACE_SECONDS)
            tx.invalidate_room_list(user_id)
        log.info("chatroom_deleted", chatroom_id=str(chatroom_id))
        await self.canceller.cancel_all(of_room(chatroom_id))

    async def listing(self, user_id: UUID, *, archived: bool, cursor: str | None, limit: int) -> Listing:
        """Return a page of rooms as JSON; the first page with default parameters is cached."""
        if archived or cursor is not None or limit != DEFAULT_PAGE:
            page = await self.page(user_id, archived=archived, cursor=cursor, limit=limit)
            return Listing(page)
        if (cached := await self.cache.read(user_id)) is not None:
            return Listing(cached, is_cached=True)
        token = await self.cache.begin_fill(user_id)
        body = await self.page(user_id, archived=False, cursor=None, limit=DEFAULT_PAGE)
        if token is not None:
            await self.cache.fill(user_id, token=token, listing=body)
        return Listing(body, is_cached=False)

    async def page(self, user_id: UUID, *, archived: bool, cursor: str | None, limit: int) -> str:
        """Return the rooms by newest activity, from `cursor` on, as the JSON of a `ChatroomPage`."""
        scope = f"chatrooms:{user_id}:{archived}"
        before = self.cursors.start(scope, cursor, time_and_id)
        async with self.uow.autocommit() as tx:
            rooms = await tx.chatrooms.page(user_id, archived=archived, before=before, limit=limit + 1)
        page = self.cursors.page(
            scope, rooms, limit=limit, position=lambda room: (utc_text(room["active_at"]), str(room["id"]))
        )
        rooms_out = [room_fields(room) for room in page.rows]
        return write_json({"chatrooms": rooms_out, "next_cursor": page.next_cursor}).decode()

    async def get(self, user_id: UUID, chatroom_id: UUID) -> bytes:
        """Return a room with its newest messages, oldest first, as the JSON of a `ChatroomWithMessages`.

        Raises:
            ChatroomNotFound: not a room of this user.
        """
        room, page = await self._read(user_id, chatroom_id, before=None, limit=DEFAULT_PAGE)
        messages = [message_fields(row) for row in reversed(page.rows)]
        return write_json(
            {**room_fields(room, prefix="room_"), "messages": messages, "next_cursor": page.next_cursor}
        )

    async def history(self, user_id: UUID, chatroom_id: UUID, *, cursor: str | None, limit: int) -> bytes:
        """Return a room's messages, newest first, from `cursor` on, as the JSON of a `MessagePage`.

        Raises:
            ChatroomNotFound: not a room of this user.
        """
        before = self.cursors.start(f"messages:{chatroom_id}", cursor, int)
        _, page = await self._read(user_id, chatroom_id, before=before, limit=limit)
        messages = [message_fields(row) for row in page.rows]
        return write_json({"messages": messages, "next_cursor": page.next_cursor})

    async def _read(
        self, user_id: UUID, chatroom_id: UUID, *, before: int | None, limit: int
    ) -> tuple[Record, CursorPage[Record]]:
        """Read a room with a page of at most `limit` messages, fewer if they are long."""
        async with self.uow.autocommit() as tx:
            read = await tx.messages.room_page(
                chatroom_id=chatroom_id, user_id=user_id, before=before, limit=limit + 1
            )
        if read is None:
            raise ChatroomNotFound
        page = self.cursors.page(
            f"messages:{chatroom_id}",
            read.messages,
            limit=limit,
            position=lambda message: (str(message["position"]),),
            found=read.found,
        )
        return read.room, page
