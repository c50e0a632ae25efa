"""Claim replies for a worker process; the statements are in `sql/claims.sql` and `sql/suspects.sql`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    JSON,
    BindParameter,
    Column,
    Double,
    Executable,
    Integer,
    Table,
    Text,
    TextClause,
    Uuid,
    bindparam,
    text,
)
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Message
from app.repositories.room_context import ROOM_CONTEXT, PastExchange, RoomContext
from app.repositories.sql import statement

EXCHANGES_AT_ONCE: Final = 30
SUSPECT_LOSSES: Final = 2
"""Expired leases after which a reply may be what its workers died of."""
_LONGEST_WAIT: Final = 6  # 64 leases


@dataclass(frozen=True, slots=True)
class ReplyJob:
    """A reply as it was when it was claimed."""

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
    """A claimed reply and its room."""

    reply: ReplyJob
    room: RoomContext
    newest: list[PastExchange] | None = None
    """The newest exchanges of its context and its own, newest first, if the claim has read them."""

    @classmethod
    def of(cls, row: Sequence[Any]) -> "ClaimedReply":
        """Read a row of a claim."""
        reply, room, newest = row[:_REPLY_END], row[_REPLY_END:_ROOM_END], None
        if len(row) > _ROOM_END:
            newest = [PastExchange(*exchange) for exchange in row[_ROOM_END] or ()]
        return cls(ReplyJob(*reply), RoomContext(*room), newest)


@dataclass(frozen=True, slots=True)
class ClaimLimits:
    """How many replies a process may claim, and for which users."""

    slots: int
    """Free slots of the process that may be filled."""
    held: Mapping[UUID, int]
    """Slots that each user holds in this process."""
    share: int
    """Slots that one user may hold while other users wait."""
    spare: int
    """Free slots that are open to users beyond their share."""

    def values(self) -> dict[str, object]:
        """Return the values of the claim's parameters."""
        held = {str(user_id): slots for user_id, slots in self.held.items()}
        return {
            "slots": self.slots,
            "held": json.dumps(held),
            "share": self.share,
            "spare": self.spare,
        }


_MESSAGE = cast("Table", Message.__table__)
_COLUMN_NAMES = {"worker_losses": "losses"}
_REPLY_JOB: Final = tuple(_MESSAGE.c[_COLUMN_NAMES.get(field.name, field.name)] for field in fields(ReplyJob))
_REPLY_END = len(_REPLY_JOB)
_ROOM_END = _REPLY_END + len(ROOM_CONTEXT)


def _bound(name: str, *more: BindParameter[Any]) -> TextClause:
    """Return a statement of this name with its parameters; all share those that have a default here."""
    return text(statement(name)).bindparams(bindparam("suspect_losses", SUSPECT_LOSSES, type_=Integer), *more)


def _claim(name: str, *more: BindParameter[Any], reads: tuple[Column[Any], ...] = ()) -> Executable:
    """Return a claim that returns the columns of a `ReplyJob`, those of its room, and those that it reads."""
    claim = _bound(name, bindparam("slots", type_=Integer), bindparam("lease_seconds", type_=Double), *more)
    return claim.columns(*_REPLY_JOB, *ROOM_CONTEXT, *reads)


_FAIRNESS = (
    bindparam("held", type_=Text),
    bindparam("share", type_=Integer),
    bindparam("spare", type_=Integer),
)
_CLAIM_DUE = _claim("claim_due", bindparam("unclaimed_seconds", type_=Double), *_FAIRNESS)
_CLAIM_NAMED = _claim(
    "claim_named",
    bindparam("ids", type_=ARRAY(Uuid)),
    bindparam("exchange_limit", EXCHANGES_AT_ONCE, type_=Integer),
    *_FAIRNESS,
    reads=(Column("newest", JSON),),
)
_CLAIM_NEXT_OF_ROOM = _claim("claim_next_of_room", bindparam("chatroom_id", type_=Uuid))
_LONGEST = bindparam("longest_wait", _LONGEST_WAIT, type_=Integer)
_CLAIM_SUSPECT = _claim("claim_suspect", _LONGEST)
_FIND_LATE_SUSPECT = _bound(
    "find_late_suspect",
    bindparam("lease_seconds", type_=Double),
    bindparam("late_seconds", type_=Double),
    _LONGEST,
)


@dataclass(frozen=True, slots=True)
class ClaimRepository:
    """Claims of replies. A claim that is rolled back has claimed nothing."""

    session: AsyncSession

    async def named(
        self, reply_ids: Sequence[UUID], limits: ClaimLimits, *, lease_seconds: float
    ) -> list[ClaimedReply]:
        """Claim those of these replies that are due and first of their rooms, with the newest exchanges."""
        values = {"ids": list(reply_ids), "lease_seconds": lease_seconds}
        return await self._run(_CLAIM_NAMED, values | limits.values())

    async def due(
        self, limits: ClaimLimits, *, lease_seconds: float, unclaimed_seconds: float
    ) -> list[ClaimedReply]:
        """Claim replies that are due, in the order of the queue.

        A new reply is due once it has been unclaimed for `unclaimed_seconds`: its wake-up may be under way.
        """
        values = {"lease_seconds": lease_seconds, "unclaimed_seconds": unclaimed_seconds}
        return await self._run(_CLAIM_DUE, values | limits.values())

    async def suspect(self, *, lease_seconds: float) -> ClaimedReply | None:
        """Claim a reply that may be what its workers died of; for a process that holds no other reply."""
        return await self._run_for_one(_CLAIM_SUSPECT, {"lease_seconds": lease_seconds})

    async def has_suspect(self, *, lease_seconds: float, late_seconds: float) -> bool:
        """Return whether such a reply has been due for `late_seconds`."""
        values = {"lease_seconds": lease_seconds, "late_seconds": late_seconds}
        return await self.session.scalar(_FIND_LATE_SUSPECT, values) is not None

    async def next_of_room(self, chatroom_id: UUID, *, lease_seconds: float) -> ClaimedReply | None:
        """Claim the next reply of a room, in the transaction that has ended the one before it."""
        values = {"chatroom_id": chatroom_id, "lease_seconds": lease_seconds}
        return await self._run_for_one(_CLAIM_NEXT_OF_ROOM, values)

    async def _run_for_one(self, claim: Executable, values: Mapping[str, object]) -> ClaimedReply | None:
        claimed = await self._run(claim, {**values, "slots": 1})
        return claimed[0] if claimed else None

    async def _run(self, claim: Executable, values: Mapping[str, object]) -> list[ClaimedReply]:
        return [ClaimedReply.of(row) for row in await self.session.execute(claim, values)]
