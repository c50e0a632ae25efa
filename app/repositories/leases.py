"""Renew and end the leases of claimed replies; the statements are in `sql/leases.sql`.

Every write names the lease's token, so a process whose lease has expired changes nothing. Lease and retry
times are the database's own, so the clocks of workers do not matter.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final, cast
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Double,
    Table,
    Text,
    Uuid,
    bindparam,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.expression import TextClause

from app.models import Message, MessageStatus
from app.repositories.sql import statement


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


_MESSAGE = cast("Table", Message.__table__)
_RENEW: Final = text(statement("renew_leases")).bindparams(
    bindparam("ids", type_=ARRAY(Uuid)),
    bindparam("lease_tokens", type_=ARRAY(Uuid)),
    bindparam("texts", type_=ARRAY(Text)),
    bindparam("have_output", type_=ARRAY(Boolean)),
    bindparam("input_tokens", type_=ARRAY(BigInteger)),
    bindparam("output_tokens", type_=ARRAY(BigInteger)),
    bindparam("lease_seconds", type_=Double),
)


def _ending(name: str) -> TextClause:
    """Return the statement of this name with what all endings share: the lease, and the returned row."""
    return text(statement(name, "returning_reply")).bindparams(
        bindparam("id", type_=Uuid),
        bindparam("lease_token", type_=Uuid),
        bindparam("has_output", type_=Boolean),
    )


_END: Final = _ending("end_reply").bindparams(
    *(bindparam(name, type_=_MESSAGE.c[name].type) for name in ReplyEnd.__dataclass_fields__)
)
_RETRY: Final = _ending("retry_reply").bindparams(
    bindparam("after_seconds", type_=Double), bindparam("last_error", type_=Text)
)
_RELEASE: Final = _ending("release_reply")


@dataclass(frozen=True, slots=True)
class LeaseRepository:
    """Leases of claimed replies. An ending returns the row, or None if the token does not hold the reply."""

    session: AsyncSession

    async def renew(self, leases: Sequence[LeaseCheckpoint], *, lease_seconds: float) -> set[UUID]:
        """Renew leases and save their checkpoints in one statement; return the replies still held."""
        renewed = await self.session.scalars(
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
        return set(renewed)

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
        await self.session.execute(
            update(Message)
            .where(Message.id == reply_id, Message.lease_token != token, Message.expired_leases > 0)
            .values(expired_leases=Message.expired_leases - 1),
            execution_options={"synchronize_session": False},
        )

    async def cancelled(self) -> set[UUID]:
        """Return the tokens of all leases whose replies a worker is to cancel."""
        tokens = await self.session.scalars(
            select(Message.lease_token).where(
                Message.cancel_requested_at.is_not(None), text("status = 'generating'")
            )
        )
        return {token for token in tokens if token is not None}

    async def _finish(
        self, ending: TextClause, reply_id: UUID, token: UUID, **values: object
    ) -> Message | None:
        ended: Message | None = await self.session.scalar(
            select(Message).from_statement(ending),
            {"id": reply_id, "lease_token": token, **values},
            execution_options={"populate_existing": True},
        )
        return ended
