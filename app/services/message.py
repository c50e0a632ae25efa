"""Conversations: what a person sends, and the reply that is owed for it."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from app import jobs
from app.errors import ChatroomNotFound, IdempotencyKeyReused, MessageNotFound, ValidationFailed
from app.models import Chatroom, Message, MessageStatus, Role, TitleSource
from app.models.base import new_id
from app.repositories.message import Exchange
from app.schemas.message import ExchangeOut, MessageOut
from app.schemas.quota import Quota
from app.services.clock import Clock
from app.services.quota import DailyQuota
from app.services.reply_waiter import ReplyWaiter
from app.unit_of_work import Transaction, UnitOfWork

_TITLE_CHARS = 60


@dataclass(frozen=True, slots=True)
class Sent:
    """The answer to a message: stored with its reply, as far as that has come."""

    exchange: ExchangeOut
    is_replay: bool
    now: datetime

    @property
    def is_answered(self) -> bool:
        """Whether the reply has come to its end."""
        return self.exchange.reply.status.is_final

    @property
    def headers(self) -> dict[str, str]:
        """Response headers: where the reply is, whether this is a replay, what is left of the day."""
        reply, quota = self.exchange.reply, self.exchange.quota
        headers = {"Location": f"/chatroom/{reply.chatroom_id}/message/{reply.id}"}
        if self.is_replay:
            headers["Idempotent-Replayed"] = "true"
        if quota.limit is not None:
            seconds = max(int((quota.resets_at - self.now).total_seconds()), 0)
            headers["RateLimit-Policy"] = f'"daily";q={quota.limit};w=86400'
            headers["RateLimit"] = f'"daily";r={quota.remaining};t={seconds}'
        return headers


@dataclass(frozen=True, slots=True)
class MessageService:
    """Messages of a person's rooms."""

    uow: UnitOfWork
    quota: DailyQuota
    waiter: ReplyWaiter
    clock: Clock
    max_chars: int

    async def send(
        self,
        *,
        user_id: UUID,
        chatroom_id: UUID,
        content: str,
        idempotency_key: str | None,
        request_id: str,
        wait_seconds: float,
    ) -> Sent:
        """Store a message and the reply it is owed; both, the charge and the job, or none of it.

        Then wait up to `wait_seconds` for the reply to come to its end.

        Raises:
            ChatroomNotFound: not a room of this user.
            IdempotencyKeyReused: the key stands for another message.
            DailyLimitReached: nothing is left of the day.
        """
        if len(content) > self.max_chars:
            problem = {"pointer": "/content", "message": f"must be at most {self.max_chars} characters"}
            raise ValidationFailed(members={"errors": [problem]})
        async with self.uow.begin() as tx:
            # The room's lock makes parallel sends with one key wait for the first's commit.
            room = await tx.chatrooms.get_owned(chatroom_id, user_id, lock=True)
            if room is None:
                raise ChatroomNotFound
            exchange = await self._find(tx, user_id, idempotency_key)
            if is_replay := exchange is not None:
                if exchange.message.chatroom_id != chatroom_id or exchange.message.content != content:
                    raise IdempotencyKeyReused
                quota = await self.quota.read(tx, user_id)
            else:
                day, quota = await self.quota.charge(tx, user_id)
                exchange = self._new_exchange(room, content, day, idempotency_key, request_id)
                await tx.messages.add_exchange(exchange.message, exchange.reply)
                tx.rooms_changed(user_id)
                tx.enqueue(jobs.ProcessGeminiMessage(exchange.reply.id, request_id))
        reply = await self.waiter.wait(exchange.reply, seconds=wait_seconds)
        return Sent(_answer(exchange.message, reply, quota), is_replay, self.clock())

    async def get(
        self, *, user_id: UUID, chatroom_id: UUID, message_id: UUID, wait_seconds: float
    ) -> MessageOut:
        """One message; a reply is waited for up to `wait_seconds`."""
        async with self.uow.begin() as tx:
            if await tx.chatrooms.get_owned(chatroom_id, user_id) is None:
                raise ChatroomNotFound
            row = await tx.messages.get_owned(message_id, chatroom_id=chatroom_id, user_id=user_id)
            if row is None:
                raise MessageNotFound
        return MessageOut.of(await self.waiter.wait(row, seconds=wait_seconds))

    async def _find(self, tx: Transaction, user_id: UUID, key: str | None) -> Exchange | None:
        return await tx.messages.get_exchange(user_id=user_id, idempotency_key=key) if key else None

    def _new_exchange(
        self, room: Chatroom, content: str, day: date, idempotency_key: str | None, request_id: str
    ) -> Exchange:
        now = self.clock()
        message = Message(
            id=new_id(),
            chatroom_id=room.id,
            user_id=room.user_id,
            position=room.last_position + 1,
            role=Role.USER,
            status=MessageStatus.COMPLETED,
            content=content,
            idempotency_key=idempotency_key,
            created_at=now,
            completed_at=now,
        )
        reply = Message(
            id=new_id(),
            chatroom_id=room.id,
            user_id=room.user_id,
            position=room.last_position + 2,
            role=Role.MODEL,
            status=MessageStatus.PENDING,
            reply_to=message.id,
            model=room.model,
            charged_on=day,
            request_id=request_id,
            created_at=now,
        )
        room.last_position += 2
        room.message_count += 2
        room.last_message_at = room.active_at = room.updated_at = now
        room.archived = False
        if room.title is None:
            room.title, room.title_source = _first_words(content), TitleSource.FIRST_WORDS
        return Exchange(message, reply)


def _first_words(content: str) -> str:
    """The beginning of a message on one line, as a title."""
    return " ".join(content.split())[:_TITLE_CHARS].rstrip()


def _answer(message: Message, reply: Message, quota: Quota) -> ExchangeOut:
    return ExchangeOut(message=MessageOut.of(message), reply=MessageOut.of(reply), quota=quota)
