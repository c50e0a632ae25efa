"""Statements that claim replies: which are due, in which order, and what a claim returns.

They are built once, and are statements about tables, not about mapped classes: putting them together and
making objects of their rows would take several times as long as running them. Which replies a process claims
is decided by the SQL text in `repositories/sql`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    JSON,
    BindParameter,
    ColumnElement,
    Double,
    Executable,
    Integer,
    Table,
    Text,
    Update,
    Uuid,
    bindparam,
    case,
    column,
    func,
    literal,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import INTERVAL, aggregate_order_by

from app.models import Chatroom, Message, MessageStatus
from app.repositories.room_context import ROOM_CONTEXT, PastExchange, RoomContext, exchanges
from app.repositories.sql import statement

EXCHANGES_AT_ONCE = 30
SUSPECT_LOSSES = 2
"""After so many leases that ran out a reply may be what its workers died of."""
_LONGEST_WAIT = 6  # 64 leases
UNFINISHED_STATES = (MessageStatus.PENDING, MessageStatus.GENERATING)

_MESSAGE = cast("Table", Message.__table__)
_ROOM = cast("Table", Chatroom.__table__)


@dataclass(frozen=True, slots=True)
class ReplyJob:
    """A reply as work, as it was when it was claimed."""

    id: UUID
    chatroom_id: UUID
    user_id: UUID
    position: int
    content: str
    model: str | None
    request_id: str | None
    attempt: int
    retries: int
    worker_losses: int
    lease_token: UUID
    cancel_requested_at: datetime | None
    uncounted_input_tokens: int
    uncounted_output_tokens: int


@dataclass(frozen=True, slots=True)
class ClaimedReply:
    """A reply that was taken just now, and the room that it is owed to."""

    reply: ReplyJob
    room: RoomContext
    newest: list[PastExchange] | None = None
    """The newest exchanges of its context and its own, newest first, where the claim has read them."""

    @classmethod
    def of(cls, row: Sequence[Any]) -> "ClaimedReply":
        """What a claim returned."""
        reply, room, newest = row[:_REPLY_END], row[_REPLY_END:_ROOM_END], None
        if len(row) > _ROOM_END:
            newest = [PastExchange(*exchange) for exchange in row[_ROOM_END] or ()]
        return cls(ReplyJob(*reply), RoomContext(*room), newest)


@dataclass(frozen=True, slots=True)
class ClaimLimits:
    """How many replies a process may claim now, and of whom."""

    places: int
    """How many are free."""
    held: Mapping[UUID, int]
    """How many each user holds in this process."""
    share: int
    """How many one user may hold while others wait."""
    spare: int
    """How many of the free places may go to users beyond their share."""

    def values(self) -> dict[str, object]:
        """Return the values of the claim's parameters."""
        held = {str(user_id): places for user_id, places in self.held.items()}
        return {
            "places": self.places,
            "held": json.dumps(held),
            "share": self.share,
            "spare": self.spare,
        }


_COLUMNS = {"worker_losses": "losses"}
_REPLY_JOB = tuple(_MESSAGE.c[_COLUMNS.get(field.name, field.name)] for field in fields(ReplyJob))
_REPLY_END = len(_REPLY_JOB)
_ROOM_END = _REPLY_END + len(ROOM_CONTEXT)


def seconds(number: ColumnElement[float] | float) -> ColumnElement[object]:
    """An interval."""
    return func.make_interval(0, 0, 0, 0, 0, 0, number, type_=INTERVAL)


def _claiming(which: ColumnElement[bool]) -> Update:
    """Build the update that claims the replies which are chosen and locked."""
    has_expired = case((_MESSAGE.c.status == MessageStatus.GENERATING, 1), else_=0)
    return (
        update(_MESSAGE)
        .where(which, _ROOM.c.id == _MESSAGE.c.chatroom_id)
        .values(
            status=MessageStatus.GENERATING,
            # What was shown of a reply that is only claimed to be cancelled is kept.
            content=case((_MESSAGE.c.cancel_requested_at.is_(None), ""), else_=_MESSAGE.c.content),
            attempt=_MESSAGE.c.attempt + 1,
            losses=_MESSAGE.c.losses + has_expired,
            expired_leases=_MESSAGE.c.expired_leases + has_expired,
            lease_token=func.gen_random_uuid(),
            lease_until=func.now() + seconds(bindparam("lease_seconds", type_=Double)),
            next_attempt_at=None,
        )
        .returning(*_REPLY_JOB, *(column.label(f"room_{column.name}") for column in ROOM_CONTEXT))
    )


def _reading(claiming: Update) -> Executable:
    """A claim that reads the newest exchanges, too: one round trip less before a reply that is waited for."""
    claimed = claiming.cte("claimed")
    newest = exchanges(
        _MESSAGE.c.position.desc(),
        room=claimed.c.chatroom_id,
        after=func.least(claimed.c.room_summary_upto, claimed.c.position - 1),
        before=claimed.c.position + 1,
        pending_reply_id=claimed.c.id,
        limit=literal(EXCHANGES_AT_ONCE),
    )
    page = newest.correlate(claimed).lateral("newest").c
    listed = aggregate_order_by(func.json_build_array(*page), page.position.desc())
    read = select(func.json_agg(listed, type_=JSON).label("newest")).correlate(claimed).lateral("read")
    return select(*claimed.c, read.c.newest).select_from(claimed.join(read, true()))


def _chosen(name: str, *binds: BindParameter[Any]) -> ColumnElement[bool]:
    """Return the condition that picks the replies which `name`.sql chooses and locks.

    As an array the choice is made once, before the update begins; a join could run it for every row.
    """
    chosen = text(statement(name, "lock_chosen")).bindparams(*binds, _PLACES).columns(column("id", Uuid))
    return _MESSAGE.c.id == func.any(func.array(chosen.scalar_subquery()))


_PLACES = bindparam("places", type_=Integer)
_FAIRNESS = (
    bindparam("held", type_=Text),
    bindparam("share", type_=Integer),
    bindparam("spare", type_=Integer),
    bindparam("suspect_losses", SUSPECT_LOSSES, type_=Integer),
)
CLAIM_NAMED = _reading(
    _claiming(_chosen("choose_named_replies", bindparam("ids", type_=ARRAY(Uuid)), *_FAIRNESS))
)
CLAIM_DUE = _claiming(_chosen("choose_replies", bindparam("unclaimed_seconds", type_=Double), *_FAIRNESS))
_SUSPECT = (
    bindparam("lease_seconds", type_=Double),
    bindparam("late_seconds", type_=Double),
    bindparam("longest_wait", _LONGEST_WAIT, type_=Integer),
    bindparam("suspect_losses", SUSPECT_LOSSES, type_=Integer),
)
CLAIM_SUSPECT = _claiming(_chosen("choose_suspect", *_SUSPECT))
FIND_SUSPECT = text(statement("choose_suspect", "first_chosen")).bindparams(*_SUSPECT)
CLAIM_NEXT_OF_ROOM = _claiming(
    _chosen(
        "choose_next_of_room",
        bindparam("room", type_=Uuid),
        bindparam("suspect_losses", SUSPECT_LOSSES, type_=Integer),
    )
)
