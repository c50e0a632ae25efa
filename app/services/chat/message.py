"""Messages: storing one with its pending reply, regenerating a reply, waiting for a reply's end."""

from collections.abc import Awaitable, Callable
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
from app.models import Chatroom, Message
from app.queue import wake_ups
from app.repositories.message import Exchange
from app.schemas.message import ExchangeOut, MessageOut
from app.services.chat.exchanges import Accepted, accept, another_reply, new_exchange, require_same_message
from app.services.generation.offered_models import OfferedModels
from app.services.generation.reply_feed import ReplyFeed
from app.services.ownership import own_message, own_reply, own_room
from app.services.usage.quota import DailyQuota, QuotaSnapshot
from app.unit_of_work import Transaction, UnitOfWork

_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class SendOptions:
    """Options of a request that sends a message or regenerates a reply."""

    user_id: UUID
    request_id: str
    idempotency_key: str | None
    wait_seconds: float


@dataclass(frozen=True, slots=True)
class SendResult:
    """A stored exchange with its reply so far."""

    exchange: ExchangeOut
    is_replay: bool
    """Whether an earlier request with the same key stored it."""
    now: datetime
    """The time of the response."""

    @property
    def is_answered(self) -> bool:
        """Whether the reply has ended."""
        return self.exchange.reply.status.is_final


@dataclass(frozen=True, slots=True)
class MessageService:
    """Sends messages, regenerates replies and reads both, in rooms of the user."""

    uow: UnitOfWork
    quota: DailyQuota
    user_limiter: PerUserLimiter
    feed: ReplyFeed
    clock: Clock
    max_chars: int
    models: OfferedModels
    reply_wait_seconds: float
    """How long a request waits for the reply unless its client prefers otherwise."""

    async def send(self, options: SendOptions, *, chatroom_id: UUID, content: str) -> SendResult:
        """Store a message, its pending reply, the charge and the job; all of it or nothing.

        Raises:
            ValidationFailed: the message is too long.
            AuthenticationRequired: the account was deleted concurrently.
            ChatroomNotFound: the user has no such room.
            IdempotencyKeyReused: the key belongs to another request.
            DailyLimitReached: the day is used up.
        """
        self._require_length(content)
        async with self.user_limiter.acquire(options.user_id), self.uow.autocommit() as tx:
            await tx.invalidate_room_list(options.user_id)
            exchange = await _retry_after_concurrent_commit(
                lambda: self._replay_or_store(tx, options, chatroom_id, content)
            )
        return await self._wait(options, exchange)

    async def regenerate(self, options: SendOptions, *, chatroom_id: UUID, reply_id: UUID) -> SendResult:
        """Store another pending reply to the same message; the old one is superseded and leaves the context.

        Raises:
            AuthenticationRequired: the account was deleted concurrently.
            ChatroomNotFound: the user has no such room.
            MessageNotFound: the room has no such reply.
            ReplyNotLatest: the reply is not the room's newest.
            ReplyInProgress: the reply has not ended.
            IdempotencyKeyReused: the key belongs to another request.
            DailyLimitReached: the day is used up.
        """
        async with self.user_limiter.acquire(options.user_id), self.uow.begin() as tx:
            snapshot = await self.quota.load(tx, options.user_id)
            # Locked, so that concurrent requests with one key wait for the first one's commit. On a used-up
            # day a request can only be rejected or replayed: it needs no lock and must not wait for one.
            room = await own_room(tx, options.user_id, chatroom_id, lock=not snapshot.is_used_up)
            old = await own_reply(tx, options.user_id, room.id, reply_id)
            earlier = await self._find(tx, options)
            if earlier is None:
                exchange = await self._regenerate(tx, options, room, old, snapshot)
            elif earlier.reply.idempotency_key and earlier.message.id == old.reply_to:
                exchange = Accepted.of(earlier, await self.quota.read(tx, options.user_id), is_replay=True)
            else:
                raise IdempotencyKeyReused
        return await self._wait(options, exchange)

    async def get(
        self, *, user_id: UUID, chatroom_id: UUID, message_id: UUID, wait_seconds: float
    ) -> MessageOut:
        """Return a message; a reply that has not ended is waited for up to `wait_seconds`.

        Raises:
            ChatroomNotFound: the user has no such room.
            MessageNotFound: the room has no such message.
        """
        async with self.uow.autocommit() as tx:
            row = await own_message(tx, user_id, chatroom_id, message_id)
        return await self.feed.wait(MessageOut.of(row), seconds=wait_seconds)

    def _require_length(self, content: str) -> None:
        if len(content) > self.max_chars:
            message = f"must be at most {self.max_chars} characters"
            problem = {"pointer": "/content", "code": "string_too_long", "message": message}
            raise ValidationFailed(members={"errors": [problem]})

    async def _replay_or_store(
        self, tx: Transaction, options: SendOptions, chatroom_id: UUID, content: str
    ) -> Accepted | None:
        """Return the exchange of this key, or store a new one, or raise the reason why not.

        None if the reason has passed: a concurrent commit used the key, or refunded a message.
        """
        earlier = await self._find(tx, options)
        if earlier is not None:
            snapshot = await self._check(tx, options, chatroom_id)
            require_same_message(earlier, chatroom_id=chatroom_id, content=content)
            return Accepted.of(earlier, self.quota.to_schema(snapshot), is_replay=True)
        stored = await self._store(tx, options, chatroom_id, content)
        if stored is None:
            self.quota.require_available(await self._check(tx, options, chatroom_id))
        return stored

    async def _store(
        self, tx: Transaction, options: SendOptions, chatroom_id: UUID, content: str
    ) -> Accepted | None:
        """Store a new exchange; None if that is not possible."""
        new = new_exchange(
            user_id=options.user_id,
            chatroom_id=chatroom_id,
            content=content,
            now=self.clock(),
            idempotency_key=options.idempotency_key,
            request_id=options.request_id,
        )
        stored = await tx.sending.store(new, terms=self.quota.plans.terms, models=self.models.names)
        if stored is None:
            return None
        tx.enqueue(wake_ups.ProcessGeminiMessage(new.reply_id, options.request_id))
        quota = self.quota.record(tx, options.user_id, self.quota.snapshot(stored.usage, new.now))
        return accept(new, stored, quota)

    async def _check(self, tx: Transaction, options: SendOptions, chatroom_id: UUID) -> QuotaSnapshot:
        """Read the user's committed day, without a lock.

        Raises:
            AuthenticationRequired: the account was deleted concurrently.
            AccountSuspended: the account was banned concurrently.
            ChatroomNotFound: the user has no such room.
        """
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

    async def _regenerate(
        self, tx: Transaction, options: SendOptions, room: Chatroom, old: Message, snapshot: QuotaSnapshot
    ) -> Accepted:
        if old.superseded or old.position != room.last_position:
            raise ReplyNotLatest
        if not old.status.is_final:
            raise ReplyInProgress
        message = await tx.messages.question_of(old)
        day, quota = await self.quota.charge(tx, options.user_id, snapshot)
        # After the charge all other requests of this user wait. One in another room, which does not wait for
        # this room's lock, may have used the key since it was searched for.
        if await self._find(tx, options) is not None:
            raise IdempotencyKeyReused
        await tx.messages.supersede(old)
        reply = another_reply(
            room,
            message,
            model=self.models.choose(room.model),
            now=self.clock(),
            charged_on=day,
            priority=snapshot.terms.reply_priority,
            idempotency_key=options.idempotency_key,
            request_id=options.request_id,
        )
        tx.invalidate_room_list(options.user_id)
        tx.messages.add_reply(reply)
        tx.enqueue(wake_ups.ProcessGeminiMessage(reply.id, options.request_id))
        return Accepted.of(Exchange(message, reply), quota, is_replay=False)

    async def _wait(self, options: SendOptions, stored: Accepted) -> SendResult:
        """Wait for the reply's end, up to `options.wait_seconds`."""
        is_new = not stored.is_replay
        if is_new:
            metrics.message_accepted()
        exchange = stored.exchange
        reply = await self.feed.wait(exchange.reply, seconds=options.wait_seconds, is_new=is_new)
        exchange = ExchangeOut(message=exchange.message, reply=reply, quota=exchange.quota)
        return SendResult(exchange, stored.is_replay, self.clock())


async def _retry_after_concurrent_commit(attempt: Callable[[], Awaitable[Accepted | None]]) -> Accepted:
    """Repeat the attempt while it returns None.

    Each None means that another request of the user committed between two statements of the attempt, so the
    next one finds a new state. Several in a row are only possible under a flood of requests.

    Raises:
        ServiceUnavailable: every attempt was overtaken.
    """
    for _ in range(_ATTEMPTS):
        exchange = await attempt()
        if exchange is not None:
            return exchange
    raise ServiceUnavailable
