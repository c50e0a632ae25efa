"""Renew and end the leases of claimed replies; the statements are in `sql/leases.sql`.

Every write names the lease's token, so a process whose lease has expired changes nothing. Lease and retry
times are the database's own, so the clocks of workers do not matter.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final
from uuid import UUID

from app.database import PooledConnection, Statement
from app.models import Message, MessageStatus
from app.repositories.message_rows import message_of
from app.repositories.sql import query


@dataclass(frozen=True, slots=True)
class LeaseCheckpoint:
    """A lease that its worker still holds, the text so far, and the tokens that no day has counted."""

    reply_id: UUID
    token: UUID
    text: str
    has_output: bool = False
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyEnd:
    """The columns that the end of a reply writes; `model` is the model that was called, if any."""

    status: MessageStatus
    content: str
    model: str | None = None
    error_code: str | None = None
    error_detail: str | None = None
    last_error: str | None = None
    finish_reason: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    thinking_tokens: int | None = None
    time_to_first_token_ms: int | None = None
    duration_ms: int | None = None


_LEASE: Final = dict.fromkeys(("id", "lease_token"), "uuid")
_TEXTS: Final = ("status", "content", "model", "error_code", "error_detail", "last_error", "finish_reason")
_COUNTS: Final = (
    "input_tokens",
    "output_tokens",
    "thinking_tokens",
    "time_to_first_token_ms",
    "duration_ms",
)
_RENEW: Final = query(
    "renew_leases",
    ids="uuid[]",
    lease_tokens="uuid[]",
    texts="text[]",
    have_output="boolean[]",
    input_tokens="bigint[]",
    output_tokens="bigint[]",
    lease_seconds="float8",
)
_END: Final = query(
    "end_reply",
    "returning",
    "message_columns",
    **dict.fromkeys(_TEXTS, "text"),
    **dict.fromkeys(_COUNTS, "integer"),
    has_output="boolean",
    **_LEASE,
)
_RETRY: Final = query(
    "retry_reply",
    "returning",
    "message_columns",
    after_seconds="float8",
    last_error="text",
    has_output="boolean",
    **_LEASE,
)
_RELEASE: Final = query("release_reply", "returning", "message_columns", has_output="boolean", **_LEASE)
_FORGIVE_EXPIRY: Final = query("forgive_expiry", **_LEASE)
_FIND_CANCELLED: Final = query("find_cancelled_leases")


@dataclass(frozen=True, slots=True)
class LeaseRepository:
    """Leases of claimed replies. An ending returns the row, or None if the token does not hold the reply."""

    connection: PooledConnection

    async def renew(self, leases: Sequence[LeaseCheckpoint], *, lease_seconds: float) -> set[UUID]:
        """Renew leases and save their checkpoints in one statement; return the replies still held."""
        renewed = await self.connection.fetch(
            _RENEW,
            {
                "ids": [lease.reply_id for lease in leases],
                "lease_tokens": [lease.token for lease in leases],
                "texts": [lease.text for lease in leases],
                "have_output": [lease.has_output for lease in leases],
                "input_tokens": [lease.input_tokens for lease in leases],
                "output_tokens": [lease.output_tokens for lease in leases],
                "lease_seconds": lease_seconds,
            },
        )
        return {row["id"] for row in renewed}

    async def end(
        self, reply_id: UUID, token: UUID, end: ReplyEnd, *, has_output: bool = False
    ) -> Message | None:
        """Write the end of a reply."""
        return await self._finish(_END, reply_id, token, has_output=has_output, **asdict(end))

    async def retry(
        self, reply_id: UUID, token: UUID, *, has_output: bool = False, after_seconds: float, reason: str
    ) -> Message | None:
        """Make a reply pending again after a failure of the model, which counts as a retry."""
        return await self._finish(
            _RETRY, reply_id, token, has_output=has_output, after_seconds=after_seconds, last_error=reason
        )

    async def release(self, reply_id: UUID, token: UUID, *, has_output: bool = False) -> Message | None:
        """Make a reply pending again because this process cannot finish it; costs no retry."""
        return await self._finish(_RELEASE, reply_id, token, has_output=has_output)

    async def forgive_expiry(self, reply_id: UUID, token: UUID) -> None:
        """Uncount the expiry of a lease that another process has replaced: the worker has not died."""
        await self.connection.fetch(_FORGIVE_EXPIRY, {"id": reply_id, "lease_token": token})

    async def cancelled(self) -> set[UUID]:
        """Return the tokens of all leases whose replies a worker is to cancel."""
        return {row["lease_token"] for row in await self.connection.fetch(_FIND_CANCELLED, {})}

    async def _finish(
        self, ending: Statement, reply_id: UUID, token: UUID, **values: object
    ) -> Message | None:
        row = await self.connection.fetch_row(ending, {"id": reply_id, "lease_token": token, **values})
        return None if row is None else message_of(row)
