"""SQL of a message on its way in: the one statement that stores it, and the look that tells why it did not.

The statement is a transaction by itself. Whoever sends waits for one round trip, and so do those who want
the same room or the same day's count; in a block of statements they would wait for six.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CTE,
    ColumnElement,
    Date,
    DateTime,
    Integer,
    Table,
    Text,
    Uuid,
    and_,
    bindparam,
    case,
    false,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Chatroom, DailyUsage, Message, MessageStatus, Role, TitleSource
from app.models.message import PRO_PRIORITY
from app.repositories.chatroom import is_own_room
from app.repositories.message import Exchange
from app.repositories.subscription import is_pro
from app.repositories.usage import USAGE_STATUS, UsageStatus, charging

_ROOM = cast("Table", Chatroom.__table__)
_LINE = cast("Table", Message.__table__)
_USAGE = cast("Table", DailyUsage.__table__)

_KEY = "uq_messages_idempotency_key"
_ROOM_ID = bindparam("chatroom_id", type_=Uuid)
_USER_ID = bindparam("user_id", type_=Uuid)
_DAY = bindparam("day", type_=Date)
_LIMIT = bindparam("limit", type_=Integer)
_IS_OWN_ROOM = is_own_room(_ROOM_ID, _USER_ID)
_CHECK = USAGE_STATUS.add_columns(_ROOM.c.id).outerjoin(_ROOM, _IS_OWN_ROOM)

# Locks are taken in the order that holds everywhere, the room before the day's usage; each step has nothing
# to do when the one before it had nothing. Whose day is seen used up before any lock waits for nobody.
_is_pro = is_pro(_USER_ID, bindparam("now", type_=DateTime(timezone=True)))
_seen = select(_USAGE.c.used).where(_USAGE.c.user_id == _USER_ID, _USAGE.c.day == _DAY).scalar_subquery()
_locked = (
    select(_ROOM.c.id, _is_pro.label("is_pro"))
    .where(_IS_OWN_ROOM, or_(_is_pro, func.coalesce(_seen, 0) < _LIMIT))
    .with_for_update(of=_ROOM)
    .cte("locked")
)
_charged = charging(
    or_(select(_locked.c.is_pro).scalar_subquery(), _USAGE.c.used < _LIMIT), behind=_locked
).cte("charged")
# Who came first may be let in last; a room's times follow its order.
_at = func.greatest(_ROOM.c.last_message_at, bindparam("now", type_=DateTime(timezone=True)))
_words = bindparam("first_words", type_=Text)
_model = case(
    (
        and_(
            _ROOM.c.follows_default.is_not(True),
            _ROOM.c.model == func.any(bindparam("offered_models", type_=ARRAY(Text))),
        ),
        _ROOM.c.model,
    ),
    else_=bindparam("default_model", type_=Text),
)
_grown = (
    update(_ROOM)
    .where(_ROOM.c.id == _ROOM_ID, _ROOM.c.user_id == _charged.c.user_id)
    .values(
        last_position=_ROOM.c.last_position + 2,
        message_count=_ROOM.c.message_count + 2,
        last_message_at=_at,
        active_at=_at,
        updated_at=_at,
        archived=False,
        title=func.coalesce(_ROOM.c.title, _words),
        title_source=case(
            (and_(_ROOM.c.title.is_(None), _words.is_not(None)), TitleSource.FIRST_WORDS),
            else_=_ROOM.c.title_source,
        ),
    )
    .returning(
        _ROOM.c.id,
        _ROOM.c.user_id,
        _ROOM.c.last_position,
        _model.label("model"),
        _ROOM.c.last_message_at.label("at"),
    )
    .cte("grown")
)
_message_id = bindparam("message_id", type_=Uuid)


def _inserting(name: str, columns: dict[str, ColumnElement[Any]]) -> CTE:
    """Adds a line to the room that has grown, with all columns that have no NULL."""
    row: dict[str, ColumnElement[Any]] = {
        "chatroom_id": _grown.c.id,
        "user_id": _grown.c.user_id,
        "created_at": _grown.c.at,
        "superseded": false(),
        "attempt": literal(0),
        "retries": literal(0),
        "losses": literal(0),
        "expired_leases": literal(0),
        **columns,
    }
    return insert(_LINE).from_select(list(row), select(*row.values()), include_defaults=False).cte(name)


_STORE = (
    select(_charged.c.used, _locked.c.is_pro, _grown.c.last_position, _grown.c.model, _grown.c.at)
    .join_from(_charged, _grown, _grown.c.user_id == _charged.c.user_id)
    .join(_locked, _locked.c.id == _grown.c.id)
    .add_cte(
        _inserting(
            "message",
            {
                "id": _message_id,
                "position": _grown.c.last_position - 1,
                "role": literal(Role.USER, _LINE.c.role.type),
                "status": literal(MessageStatus.COMPLETED, _LINE.c.status.type),
                "content": bindparam("content", type_=Text),
                "completed_at": _grown.c.at,
                "idempotency_key": bindparam("idempotency_key", type_=Text),
            },
        ),
        _inserting(
            "reply",
            {
                "id": bindparam("reply_id", type_=Uuid),
                "position": _grown.c.last_position,
                "role": literal(Role.MODEL, _LINE.c.role.type),
                "status": literal(MessageStatus.PENDING, _LINE.c.status.type),
                "content": literal(""),
                "reply_to": _message_id,
                "model": _grown.c.model,
                "request_id": bindparam("request_id", type_=Text),
                "charged_on": _DAY,
                "priority": case((select(_locked.c.is_pro).scalar_subquery(), PRO_PRIORITY), else_=0),
                "queued_at": func.now(),
            },
        ),
    )
)


@dataclass(frozen=True, slots=True)
class SendCheck:
    """What somebody stands before whose message was not stored, as it is committed."""

    usage: UsageStatus
    has_room: bool
    """Whether the room is one of theirs."""


@dataclass(frozen=True, slots=True)
class SendingRepository:
    """Messages on their way in."""

    session: AsyncSession

    async def explain_rejection(self, *, user_id: UUID, chatroom_id: UUID, now: datetime) -> SendCheck | None:
        """The person's day and room, without a lock; None when there is no such account."""
        values = {"user_id": user_id, "chatroom_id": chatroom_id, "now": now, "day": now.date()}
        row = (await self.session.execute(_CHECK, values)).one_or_none()
        return None if row is None else SendCheck(UsageStatus(*row[:2]), row[2] is not None)

    async def store(
        self, exchange: Exchange, *, first_words: str | None, limit: int, models: Sequence[str]
    ) -> UsageStatus | None:
        """Store an exchange behind the room's last one, with what that makes of it, and charge it to its day.

        Returns where the person stands then; `limit` bounds the day's count on Basic. `first_words` becomes
        the title of a room that has none; an archived room comes back. Of `models`, which are offered, the
        first is the default.

        None: the room or the account is gone, nothing is left of the day, or the idempotency key is taken by
        now. A look tells what.
        """
        message, reply = exchange.message, exchange.reply
        values = {
            "user_id": message.user_id,
            "chatroom_id": message.chatroom_id,
            "day": reply.charged_on,
            "now": message.created_at,
            "limit": limit,
            "first_words": first_words,
            "message_id": message.id,
            "content": message.content,
            "idempotency_key": message.idempotency_key,
            "reply_id": reply.id,
            "request_id": reply.request_id,
            "offered_models": list(models),
            "default_model": models[0],
        }
        try:
            row = (await self.session.execute(_STORE, values)).one_or_none()
        except IntegrityError as error:
            if _KEY not in str(error.orig):
                raise
            return None
        if row is None:
            return None
        used, on_pro, reply.position, reply.model, reply.created_at = row
        message.position = reply.position - 1
        message.created_at = message.completed_at = reply.created_at
        return UsageStatus(is_pro=on_pro, used=used)
