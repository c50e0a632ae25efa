"""Storing a message: one statement that is a transaction by itself (docs/adr/0009)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from app.database import PooledConnection
from app.models import Plan, PlanTerms
from app.repositories.sql import query
from app.repositories.usage import UsageStatus

_KEY_INDEX = "uq_messages_idempotency_key"

_STORE = query(
    "user_plan",
    "store_exchange",
    user_id="uuid",
    chatroom_id="uuid",
    message_id="uuid",
    reply_id="uuid",
    content="text",
    first_words="text",
    idempotency_key="text",
    request_id="text",
    traceparent="text",
    now="timestamptz",
    day="date",
    basic_limit="integer",
    pro_limit="integer",
    basic_priority="integer",
    pro_priority="integer",
    offered_models="text[]",
    default_model="text",
)
_EXPLAIN = query(
    "user_plan",
    "explain_rejection",
    user_id="uuid",
    chatroom_id="uuid",
    now="timestamptz",
    day="date",
)


@dataclass(frozen=True, slots=True)
class NewExchange:
    """A message to store, and the ids under which it and its pending reply are stored."""

    message_id: UUID
    reply_id: UUID
    user_id: UUID
    chatroom_id: UUID
    content: str
    first_words: str | None
    """The title for a room that has none."""
    idempotency_key: str | None
    request_id: str
    traceparent: str | None
    """The request's place in its trace, in the form of W3C."""
    now: datetime
    """The application's time; its UTC day is charged."""


@dataclass(frozen=True, slots=True)
class StoredExchange:
    """Values that an exchange got when it was stored."""

    usage: UsageStatus
    model: str
    stored_at: datetime
    """When both rows were created; not before the room's previous message."""


@dataclass(frozen=True, slots=True)
class SendCheck:
    """Committed state that explains why a message was not stored."""

    usage: UsageStatus
    has_room: bool
    """Whether the room exists and belongs to the user."""


@dataclass(frozen=True, slots=True)
class SendingRepository:
    """Stores messages with their pending replies."""

    connection: PooledConnection

    async def store(
        self, exchange: NewExchange, *, terms: Mapping[Plan, PlanTerms], models: Sequence[str]
    ) -> StoredExchange | None:
        """Store the exchange, charge its day and update the room; None if any of it is not possible.

        `terms` are those of every plan, since the statement itself reads the user's plan. `models` are the
        offered ones, the default first. After None, `explain_rejection` reports the reason, unless the
        idempotency key was used concurrently.
        """
        values = {
            "user_id": exchange.user_id,
            "chatroom_id": exchange.chatroom_id,
            "message_id": exchange.message_id,
            "reply_id": exchange.reply_id,
            "content": exchange.content,
            "first_words": exchange.first_words,
            "idempotency_key": exchange.idempotency_key,
            "request_id": exchange.request_id,
            "traceparent": exchange.traceparent,
            "now": exchange.now,
            "day": exchange.now.date(),
            "basic_limit": terms[Plan.BASIC].messages,
            "pro_limit": terms[Plan.PRO].messages,
            "basic_priority": terms[Plan.BASIC].reply_priority,
            "pro_priority": terms[Plan.PRO].reply_priority,
            "offered_models": list(models),
            "default_model": models[0],
        }
        try:
            row = await self.connection.fetch_row(_STORE, values)
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name != _KEY_INDEX:
                raise
            return None
        if row is None:
            return None
        return StoredExchange(UsageStatus.of(row), row["model"], row["stored_at"])

    async def explain_rejection(self, *, user_id: UUID, chatroom_id: UUID, now: datetime) -> SendCheck | None:
        """Read the user's day and room without a lock; None if the account is deleted."""
        values = {"user_id": user_id, "chatroom_id": chatroom_id, "now": now, "day": now.date()}
        row = await self.connection.fetch_row(_EXPLAIN, values)
        return None if row is None else SendCheck(UsageStatus.of(row), row["has_room"])
