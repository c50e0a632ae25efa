"""Conversations: what a person sends, and the reply that is owed for it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app import metrics
from app.errors import (
    AuthenticationRequired,
    ChatroomNotFound,
    IdempotencyKeyReused,
    ReplyInProgress,
    ReplyNotLatest,
    ServiceUnavailable,
    ValidationFailed,
)
from app.kit.clock import Clock
from app.kit.user_limiter import PerUserLimiter
from app.models.message import PRO_PRIORITY
from app.queue import jobs
from app.repositories.message import Exchange
from app.schemas.message import ExchangeOut, MessageOut
from app.schemas.quota import Quota
from app.services.chat.exchanges import another_reply, first_words, new_exchange
from app.services.generation.offered_models import OfferedModels
from app.services.generation.reply_feed import ReplyFeed
from app.services.ownership import own_message, own_reply, own_room
from app.services.usage.quota import DailyQuota, QuotaSnapshot
from app.unit_of_work import Transaction, UnitOfWork

_TRIES = 5
"""Each that fails has seen what somebody else committed meanwhile."""


@dataclass(frozen=True, slots=True)
class SendOptions:
    """How a message is sent: by whose request, repeatable under which key, waiting how long."""

    user_id: UUID
    request_id: str
    idempotency_key: str | None
    wait_seconds: float


@dataclass(frozen=True, slots=True)
class SendResult:
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
    user_limiter: PerUserLimiter
    feed: ReplyFeed
    clock: Clock
    max_chars: int
    models: OfferedModels

    async def send(self, options: SendOptions, *, chatroom_id: UUID, content: str) -> SendResult:
        """Store a message and the reply it is owed; both, the charge and the job, or none of it.

        Raises:
            ChatroomNotFound: not a room of this user.
            IdempotencyKeyReused: the key stands for something else.
            DailyLimitReached: nothing is left of the day.
        """
        if len(content) > self.max_chars:
            problem = {
                "pointer": "/content",
                "code": "string_too_long",
                "message": f"must be at most {self.max_chars} characters",
            }
            raise ValidationFailed(members={"errors": [problem]})
        async with self.user_limiter.acquire(options.user_id), self.uow.autocommit() as tx:
            await tx.invalidate_room_list(options.user_id)
            for _ in range(_TRIES):
                found = await self._find(tx, options)
                if found is None and (stored := await self._store(tx, options, chatroom_id, content)):
                    exchange, quota = stored
                    break
                snapshot = await self._explain_rejection(tx, options, chatroom_id)
                if found is not None:
                    _require_same(found, chatroom_id, content)
                    exchange, quota = found, self.quota.to_schema(snapshot)
                    break
                self.quota.require_available(snapshot)
            else:
                raise ServiceUnavailable
        return await self._wait(options, exchange, quota, is_replay=found is not None)

    async def regenerate(self, options: SendOptions, *, chatroom_id: UUID, reply_id: UUID) -> SendResult:
        """Owe a new reply to the same message; the old one stays, superseded, and leaves the context.

        Raises:
            ChatroomNotFound: not a room of this user.
            MessageNotFound: not a reply in it.
            ReplyNotLatest: not of the room's newest exchange.
            ReplyInProgress: it has not come to its end.
            IdempotencyKeyReused: the key stands for something else.
            DailyLimitReached: nothing is left of the day.
        """
        async with self.user_limiter.acquire(options.user_id), self.uow.begin() as tx:
            snapshot = await self.quota.load(tx, options.user_id)
            # Locked, so that parallel requests with one key wait for the first's commit. Whose day is used up
            # waits for nobody: they can only be refused, or be answered what is committed.
            room = await own_room(tx, options.user_id, chatroom_id, lock=not snapshot.is_used_up)
            old = await own_reply(tx, options.user_id, room.id, reply_id)
            exchange = await self._find(tx, options)
            if is_replay := exchange is not None:
                if not exchange.reply.idempotency_key or exchange.message.id != old.reply_to:
                    raise IdempotencyKeyReused
                quota = await self.quota.read(tx, options.user_id)
            else:
                if old.superseded or old.position != room.last_position:
                    raise ReplyNotLatest
                if not old.status.is_final:
                    raise ReplyInProgress
                question = await tx.messages.question_of(old)
                day, quota = await self.quota.charge(tx, options.user_id, snapshot)
                await self._require_new_key(tx, options)
                await tx.messages.supersede(old)
                reply = another_reply(
                    room,
                    question,
                    model=self.models.choose(room.model),
                    now=self.clock(),
                    charged_on=day,
                    priority=PRO_PRIORITY if snapshot.limit is None else 0,
                    idempotency_key=options.idempotency_key,
                    request_id=options.request_id,
                )
                tx.invalidate_room_list(options.user_id)
                tx.messages.add_reply(reply)
                exchange = Exchange(question, reply)
                tx.enqueue(jobs.ProcessGeminiMessage(reply.id, options.request_id))
        return await self._wait(options, exchange, quota, is_replay=is_replay)

    async def get(
        self, *, user_id: UUID, chatroom_id: UUID, message_id: UUID, wait_seconds: float
    ) -> MessageOut:
        """One message; a reply is waited for up to `wait_seconds`."""
        async with self.uow.autocommit() as tx:
            row = await own_message(tx, user_id, chatroom_id, message_id)
        return MessageOut.of(await self.feed.wait(row, seconds=wait_seconds))

    async def _store(
        self, tx: Transaction, options: SendOptions, chatroom_id: UUID, content: str
    ) -> tuple[Exchange, Quota] | None:
        """A new exchange, and the day as it is then. None: somebody was quicker, or it may not be."""
        now = self.clock()
        exchange = new_exchange(
            user_id=options.user_id,
            chatroom_id=chatroom_id,
            content=content,
            now=now,
            idempotency_key=options.idempotency_key,
            request_id=options.request_id,
        )
        usage = await tx.sending.store(
            exchange,
            first_words=first_words(content),
            limit=self.quota.basic_limit,
            models=self.models.names,
        )
        if usage is None:
            return None
        tx.enqueue(jobs.ProcessGeminiMessage(exchange.reply.id, options.request_id))
        return exchange, self.quota.record(tx, options.user_id, self.quota.snapshot(usage, now))

    async def _explain_rejection(
        self, tx: Transaction, options: SendOptions, chatroom_id: UUID
    ) -> QuotaSnapshot:
        """The person's day as it is committed, if the room is theirs; waits for nobody."""
        now = self.clock()
        check = await tx.sending.explain_rejection(user_id=options.user_id, chatroom_id=chatroom_id, now=now)
        if check is None:
            raise AuthenticationRequired
        if not check.has_room:
            raise ChatroomNotFound
        return self.quota.snapshot(check.usage, now)

    async def _find(self, tx: Transaction, options: SendOptions) -> Exchange | None:
        if options.idempotency_key is None:
            return None
        return await tx.messages.get_exchange(
            user_id=options.user_id, idempotency_key=options.idempotency_key
        )

    async def _require_new_key(self, tx: Transaction, options: SendOptions) -> None:
        """Call it behind the charge: now all that this person sends waits, whichever room it is for.

        Raises:
            IdempotencyKeyReused: another room was asked with this key in the same moment.
        """
        if await self._find(tx, options) is not None:
            raise IdempotencyKeyReused

    async def _wait(
        self, options: SendOptions, exchange: Exchange, quota: Quota, *, is_replay: bool
    ) -> SendResult:
        if not is_replay:
            metrics.message_accepted()
        reply = await self.feed.wait(exchange.reply, seconds=options.wait_seconds, is_new=not is_replay)
        answer = ExchangeOut(message=MessageOut.of(exchange.message), reply=MessageOut.of(reply), quota=quota)
        return SendResult(answer, is_replay, self.clock())


def _require_same(found: Exchange, chatroom_id: UUID, content: str) -> None:
    """Raise IdempotencyKeyReused if the key stands for another message, or for another reply to one."""
    message = found.message
    if found.reply.idempotency_key or (message.chatroom_id, message.content) != (chatroom_id, content):
        raise IdempotencyKeyReused
