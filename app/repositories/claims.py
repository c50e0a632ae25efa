"""How workers take replies: who is due, whose turn it is, and the statements that claim.

They are built once, and are statements about tables, not about mapped classes: putting them together and
making objects of their rows would take several times as long as running them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import (
    JSON,
    ColumnElement,
    Double,
    Executable,
    Integer,
    Table,
    Update,
    Uuid,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import INTERVAL, aggregate_order_by

from app.models import Chatroom, Message, MessageStatus, Role
from app.models.message import UNFINISHED
from app.repositories.chatroom import ROOM_MEMORY, PastExchange, RoomMemory, exchanges
from app.repositories.subscription import is_pro

_UNCLAIMED_SECONDS = 2.0
EXCHANGES_AT_ONCE = 30
UNFINISHED_STATES = (MessageStatus.PENDING, MessageStatus.GENERATING)

_MESSAGE = cast("Table", Message.__table__)
_EARLIER = _MESSAGE.alias("earlier")
_ROOM = cast("Table", Chatroom.__table__)

IS_DUE = and_(
    _MESSAGE.c.role == Role.MODEL,
    or_(
        and_(
            _MESSAGE.c.status == MessageStatus.PENDING,
            or_(_MESSAGE.c.next_attempt_at.is_(None), _MESSAGE.c.next_attempt_at <= func.now()),
        ),
        and_(_MESSAGE.c.status == MessageStatus.GENERATING, _MESSAGE.c.lease_until < func.now()),
    ),
)
"""Pending and not waiting for a retry, or held by a worker whose lease ran out."""

IS_FIRST_OF_ROOM = ~exists().where(
    _EARLIER.c.chatroom_id == _MESSAGE.c.chatroom_id,
    # Written out like UNFINISHED: a partial index is not used for bound values.
    text("earlier.role = 'model' AND earlier.status IN ('pending', 'generating')"),
    _EARLIER.c.position < _MESSAGE.c.position,
)
"""A room answers in order: no earlier reply of it is unfinished."""


@dataclass(frozen=True, slots=True)
class ReplyWork:
    """A reply as work, as it was when it was claimed."""

    id: UUID
    chatroom_id: UUID
    position: int
    content: str
    model: str | None
    request_id: str | None
    attempt: int
    retries: int
    losses: int
    lease_token: UUID
    cancel_requested_at: datetime | None


@dataclass(frozen=True, slots=True)
class ClaimedReply:
    """A reply that was taken just now, and the room that it is owed to."""

    reply: ReplyWork
    room: RoomMemory
    newest: list[PastExchange] | None = None
    """The newest exchanges of its context and its own, newest first, where the claim has read them."""

    @classmethod
    def of(cls, row: Sequence[Any]) -> "ClaimedReply":
        """What a claim returned."""
        reply, room, newest = row[:_REPLY_END], row[_REPLY_END:_ROOM_END], None
        if len(row) > _ROOM_END:
            newest = [PastExchange(*exchange) for exchange in row[_ROOM_END] or ()]
        return cls(ReplyWork(*reply), RoomMemory(*room), newest)


_REPLY_WORK = tuple(_MESSAGE.c[field.name] for field in fields(ReplyWork))
_REPLY_END = len(_REPLY_WORK)
_ROOM_END = _REPLY_END + len(ROOM_MEMORY)


def seconds(number: ColumnElement[float] | float) -> ColumnElement[object]:
    """An interval."""
    return func.make_interval(0, 0, 0, 0, 0, 0, number, type_=INTERVAL)


_IS_WANTED = or_(_ROOM.c.erase_at.is_(None), _MESSAGE.c.cancel_requested_at.is_not(None))
"""In a deleted room a reply is claimed only to be ended."""


def _claiming(which: ColumnElement[bool]) -> Update:
    """Takes replies that are due and whose turn it is; built once, run often."""
    return (
        update(_MESSAGE)
        .where(which, IS_DUE, IS_FIRST_OF_ROOM, _ROOM.c.id == _MESSAGE.c.chatroom_id, _IS_WANTED)
        .values(
            status=MessageStatus.GENERATING,
            # What was shown of a reply that is only claimed to be cancelled is kept.
            content=case((_MESSAGE.c.cancel_requested_at.is_(None), ""), else_=_MESSAGE.c.content),
            attempt=_MESSAGE.c.attempt + 1,
            losses=_MESSAGE.c.losses + case((_MESSAGE.c.status == MessageStatus.GENERATING, 1), else_=0),
            lease_token=func.gen_random_uuid(),
            lease_until=func.now() + seconds(bindparam("lease_seconds", type_=Double)),
            next_attempt_at=None,
        )
        .returning(*_REPLY_WORK, *(column.label(f"room_{column.name}") for column in ROOM_MEMORY))
    )


def _reading(claiming: Update) -> Executable:
    """A claim that reads the newest exchanges, too: one round trip less before a reply that is waited for."""
    claimed = claiming.cte("claimed")
    newest = exchanges(
        _MESSAGE.c.position.desc(),
        room=claimed.c.chatroom_id,
        after=func.least(claimed.c.room_summary_upto, claimed.c.position - 1),
        before=claimed.c.position + 1,
        owed=claimed.c.id,
        most=literal(EXCHANGES_AT_ONCE),
    )
    page = newest.correlate(claimed).lateral("newest").c
    listed = aggregate_order_by(func.json_build_array(*page), page.position.desc())
    read = select(func.json_agg(listed, type_=JSON).label("newest")).correlate(claimed).lateral("read")
    return select(*claimed.c, read.c.newest).select_from(claimed.join(read, true()))


CLAIM_ONE = _reading(_claiming(_MESSAGE.c.id == bindparam("reply_id", type_=Uuid)))
CLAIM_NEXT_OF_ROOM = _claiming(
    _MESSAGE.c.id
    == select(_MESSAGE.c.id)
    .where(_MESSAGE.c.chatroom_id == bindparam("room", type_=Uuid), UNFINISHED, IS_DUE)
    .order_by(_MESSAGE.c.position)
    .limit(1)
    .scalar_subquery()
)
_FORGOTTEN = (
    select(_MESSAGE.c.id)
    .where(
        IS_DUE,
        IS_FIRST_OF_ROOM,
        UNFINISHED,
        or_(
            _MESSAGE.c.status == MessageStatus.GENERATING,
            _MESSAGE.c.created_at < func.now() - seconds(_UNCLAIMED_SECONDS),
        ),
    )
    .order_by(is_pro(_MESSAGE.c.user_id, func.now()).desc(), _MESSAGE.c.created_at)
    .limit(bindparam("most", type_=Integer))
    .with_for_update(skip_locked=True)
    .cte("forgotten")  # which runs once; a subquery might be run, and lock, for every row
)
CLAIM_FORGOTTEN = _claiming(_MESSAGE.c.id.in_(select(_FORGOTTEN.c.id)))
