"""Storing a message: one statement that is a transaction by itself (docs/adr/0009)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Date, DateTime, Integer, Row, Text, Uuid
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Plan, PlanTerms
from app.repositories.sql import query
from app.repositories.usage import UsageStatus

_KEY_INDEX = "uq_messages_idempotency_key"

_STORE = query(
    "user_plan",
    "store_exchange",
    user_id=Uuid,
    chatroom_id=Uuid,
    message_id=Uuid,
    reply_id=Uuid,
    content=Text,
    first_words=Text,
    idempotency_key=Text,
    request_id=Text,
    now=DateTime(timezone=True),
    day=Date,
    basic_limit=Integer,
    pro_limit=Integer,
    basic_priority=Integer,
    pro_priority=Integer,
    offered_models=ARRAY(Text),
    default_model=Text,
)
_EXPLAIN = query(
    "user_plan",
    "explain_rejection",
    user_id=Uuid,
    chatroom_id=Uuid,
    now=DateTime(timezone=True),
    day=Date,
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

    session: AsyncSession

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
            row = (await self.session.execute(_STORE, values)).one_or_none()
        except IntegrityError as error:
            if _KEY_INDEX not in str(error.orig):
                raise
            return None
        if row is None:
            return None
        return StoredExchange(_usage(row), row.model, row.stored_at)

    async def explain_rejection(self, *, user_id: UUID, chatroom_id: UUID, now: datetime) -> SendCheck | None:
        """Read the user's day and room without a lock; None if the account is deleted."""
        values = {"user_id": user_id, "chatroom_id": chatroom_id, "now": now, "day": now.date()}
        row = (await self.session.execute(_EXPLAIN, values)).one_or_none()
        return None if row is None else SendCheck(_usage(row), row.has_room)


def _usage(row: Row[Any]) -> UsageStatus:
    return UsageStatus(Plan.of(is_pro=row.is_pro), row.used)
