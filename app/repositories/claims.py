"""Claim replies for a worker process; the statements are in `sql/claims.sql` and `sql/suspects.sql`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from app.database import PooledConnection, Statement
from app.repositories.room_context import PastExchange, RoomContext, room_context
from app.repositories.sql import query

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
    traceparent: str | None
    attempt: int
    retries: int
    worker_losses: int
    lease_token: UUID
    cancel_requested_at: datetime | None
    uncounted_input_tokens: int
    uncounted_output_tokens: int
    waited_seconds: float | None
    """How long it was due, by the database's clock; None if the claim replaced an expired lease."""


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
            newest = [PastExchange(*exchange) for exchange in json.loads(row[_ROOM_END] or "[]")]
        return cls(ReplyJob(*reply), room_context(room), newest)


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


_REPLY_END: Final = len(fields(ReplyJob))
_ROOM_END: Final = _REPLY_END + len(fields(RoomContext))


_SHARED: Final = {"slots": "integer", "lease_seconds": "float8", "suspect_losses": "integer"}
_FAIRNESS: Final = {"held": "text", "share": "integer", "spare": "integer"}
_CLAIM_DUE = query("claim_due", unclaimed_seconds="float8", **_FAIRNESS, **_SHARED)
_CLAIM_NAMED = query("claim_named", ids="uuid[]", exchange_limit="integer", **_FAIRNESS, **_SHARED)
_CLAIM_NEXT_OF_ROOM = query("claim_next_of_room", chatroom_id="uuid", **_SHARED)
_CLAIM_SUSPECT = query("claim_suspect", longest_wait="integer", **_SHARED)
_FIND_LATE_SUSPECT = query(
    "find_late_suspect",
    lease_seconds="float8",
    late_seconds="float8",
    suspect_losses="integer",
    longest_wait="integer",
)
_CONSTANTS: Final = {
    "suspect_losses": SUSPECT_LOSSES,
    "longest_wait": _LONGEST_WAIT,
    "exchange_limit": EXCHANGES_AT_ONCE,
}


@dataclass(frozen=True, slots=True)
class ClaimRepository:
    """Claims of replies. A claim that is rolled back has claimed nothing."""

    connection: PooledConnection

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
        return await self.connection.fetch_row(_FIND_LATE_SUSPECT, {**values, **_CONSTANTS}) is not None

    async def next_of_room(self, chatroom_id: UUID, *, lease_seconds: float) -> ClaimedReply | None:
        """Claim the next reply of a room, in the transaction that has ended the one before it."""
        values = {"chatroom_id": chatroom_id, "lease_seconds": lease_seconds}
        return await self._run_for_one(_CLAIM_NEXT_OF_ROOM, values)

    async def _run_for_one(self, claim: Statement, values: Mapping[str, object]) -> ClaimedReply | None:
        claimed = await self._run(claim, {**values, "slots": 1})
        return claimed[0] if claimed else None

    async def _run(self, claim: Statement, values: Mapping[str, object]) -> list[ClaimedReply]:
        rows = await self.connection.fetch(claim, {**values, **_CONSTANTS})
        return [ClaimedReply.of(tuple(row)) for row in rows]
