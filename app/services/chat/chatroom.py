"""Chatrooms: open, list, look into, change, delete."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog

from app.errors import ChatroomNotFound, IdempotencyKeyReused
from app.kit.clock import Clock
from app.kit.paging import DEFAULT_PAGE, CursorSigner
from app.kit.user_limiter import PerUserLimiter
from app.models import Chatroom, ChatroomKey, Message, TitleSource
from app.models.base import new_id
from app.redis_client.chatroom_cache import ChatroomCache
from app.repositories.message import of_room
from app.repositories.page_bytes import BoundedPage
from app.schemas.chatroom import ChatroomIn, ChatroomOut, ChatroomPage, ChatroomPatch, ChatroomWithMessages
from app.schemas.message import MessageOut, MessagePage
from app.services.chat.room_limit import RoomLimit
from app.services.chat.room_request import RoomRequest
from app.services.generation.offered_models import OfferedModels
from app.services.generation.stopping import SEEN_AFTER_SECONDS, ReplyStopper
from app.services.ownership import own_room
from app.unit_of_work import Transaction, UnitOfWork

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Listing:
    """A page as encoded JSON, with its response headers."""

    body: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class OpenedRoom:
    """A room that was asked for, with its response headers."""

    room: ChatroomOut
    is_replay: bool

    @property
    def headers(self) -> dict[str, str]:
        """Return where the room is, and whether this is a replay."""
        replayed = {"Idempotent-Replayed": "true"} if self.is_replay else {}
        return {"Location": f"/chatroom/{self.room.id}", **replayed}


@dataclass(frozen=True, slots=True)
class ChatroomService:
    """A person's rooms."""

    uow: UnitOfWork
    cache: ChatroomCache
    stopper: ReplyStopper
    cursors: CursorSigner
    user_limiter: PerUserLimiter
    clock: Clock
    models: OfferedModels
    limit: RoomLimit

    async def create(
        self, user_id: UUID, request: ChatroomIn, *, idempotency_key: str | None = None
    ) -> OpenedRoom:
        """Open a room; with a key that has opened one already, return that.

        Raises:
            ChatroomLimitReached: the user has as many as the plan allows.
            ChatroomNotFound: the room of this key was deleted.
            IdempotencyKeyReused: the key stands for another request.
            ValidationFailed: the model is not offered.
        """
        keyed = None if idempotency_key is None else RoomRequest.of(user_id, idempotency_key, request)
        async with self.user_limiter.acquire(user_id), self.uow.begin() as tx:
            # Before the key is looked up: of parallel requests with one key the others see the first's room.
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
        """Return the room that was opened by this request, as it is now; None if its key is new."""
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
        """Change a room; what the request does not name stays.

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
        """Take a room out of sight for good and stop its replies; a worker erases it a little later.

        Raises:
            ChatroomNotFound: not a room of this user.
        """
        async with self.user_limiter.acquire(user_id), self.uow.begin() as tx:
            await own_room(tx, user_id, chatroom_id, lock=True)
            await tx.deletions.erase_room_in(chatroom_id, seconds_from_now=SEEN_AFTER_SECONDS)
            tx.invalidate_room_list(user_id)
        log.info("chatroom_deleted", chatroom_id=str(chatroom_id))
        await self.stopper.stop(of_room(chatroom_id))

    async def listing(self, user_id: UUID, *, archived: bool, cursor: str | None, limit: int) -> Listing:
        """A page of rooms as JSON; the first page with defaults from Redis when it has it."""
        if archived or cursor is not None or limit != DEFAULT_PAGE:
            page = await self.page(user_id, archived=archived, cursor=cursor, limit=limit)
            return Listing(page.model_dump_json(), {})
        if (cached := await self.cache.read(user_id)) is not None:
            return Listing(cached, {"X-Cache": "HIT"})
        token = await self.cache.begin_fill(user_id)
        page = await self.page(user_id, archived=False, cursor=None, limit=DEFAULT_PAGE)
        body = page.model_dump_json()
        if token is not None:
            await self.cache.fill(user_id, token=token, listing=body)
        return Listing(body, {"X-Cache": "MISS"})

    async def page(self, user_id: UUID, *, archived: bool, cursor: str | None, limit: int) -> ChatroomPage:
        """Rooms by newest activity, from `cursor` on."""
        scope = f"chatrooms:{user_id}:{archived}"
        before = None
        if cursor is not None:
            moment, room_id = self.cursors.read(scope, cursor)
            before = datetime.fromisoformat(moment), UUID(room_id)
        async with self.uow.begin() as tx:
            rooms = await tx.chatrooms.page(user_id, archived=archived, before=before, limit=limit + 1)
        page, more = rooms[:limit], len(rooms) > limit
        next_cursor = (
            self.cursors.make(scope, page[-1].active_at.isoformat(), str(page[-1].id)) if more else None
        )
        return ChatroomPage(
            chatrooms=[ChatroomOut.model_validate(room) for room in page], next_cursor=next_cursor
        )

    async def get(self, user_id: UUID, chatroom_id: UUID) -> ChatroomWithMessages:
        """A room with its newest messages, oldest first."""
        async with self.uow.begin() as tx:
            room = await own_room(tx, user_id, chatroom_id)
            newest = await tx.messages.page(
                chatroom_id=chatroom_id, user_id=user_id, before=None, limit=DEFAULT_PAGE + 1
            )
        page = self._message_page(chatroom_id, newest, DEFAULT_PAGE)
        return ChatroomWithMessages(
            **ChatroomOut.model_validate(room).model_dump(),
            messages=page.messages[::-1],
            next_cursor=page.next_cursor,
        )

    async def history(
        self, user_id: UUID, chatroom_id: UUID, *, cursor: str | None, limit: int
    ) -> MessagePage:
        """A room's messages, newest first, from `cursor` on."""
        before = None
        if cursor is not None:
            before = int(self.cursors.read(f"messages:{chatroom_id}", cursor)[0])
        async with self.uow.begin() as tx:
            await own_room(tx, user_id, chatroom_id)
            rows = await tx.messages.page(
                chatroom_id=chatroom_id, user_id=user_id, before=before, limit=limit + 1
            )
        return self._message_page(chatroom_id, rows, limit)

    def _message_page(self, chatroom_id: UUID, read: BoundedPage[Message], limit: int) -> MessagePage:
        """The first `limit` rows, or fewer long ones; there is a next page if more were found."""
        page = read.rows[:limit]
        more = read.found > len(page)
        next_cursor = self.cursors.make(f"messages:{chatroom_id}", str(page[-1].position)) if more else None
        return MessagePage(messages=[MessageOut.of(row) for row in page], next_cursor=next_cursor)
