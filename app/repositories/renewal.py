"""The statement that renews the leases of a process, and what it saves of each reply."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, Text, Uuid, cast, column, func, or_, update, values
from sqlalchemy.sql.dml import ReturningUpdate

from app.models import Message, MessageStatus
from app.repositories.claims import seconds


@dataclass(frozen=True, slots=True)
class LeaseCheckpoint:
    """A lease that its worker still holds, the text so far, and the tokens that no day has counted."""

    reply_id: UUID
    token: UUID
    text: str
    has_output: bool = False
    input_tokens: int = 0
    output_tokens: int = 0


def renewing(leases: Sequence[LeaseCheckpoint], *, lease_seconds: float) -> ReturningUpdate[UUID]:
    """Prolong these leases and save how far their replies are; returns the ids of those still held."""
    held = values(
        column("id", Uuid),
        column("token", Uuid),
        column("text", Text),
        column("has_output", Boolean),
        column("input_tokens", BigInteger),
        column("output_tokens", BigInteger),
        name="held",
    ).data([astuple(lease) for lease in leases])
    return (
        update(Message)
        .where(
            Message.id == cast(held.c.id, Uuid),
            Message.lease_token == cast(held.c.token, Uuid),
            Message.status == MessageStatus.GENERATING,
        )
        .values(
            lease_until=func.now() + seconds(lease_seconds),
            content=held.c.text,
            has_output=or_(Message.has_output, cast(held.c.has_output, Boolean)),
            uncounted_input_tokens=cast(held.c.input_tokens, BigInteger),
            uncounted_output_tokens=cast(held.c.output_tokens, BigInteger),
        )
        .returning(Message.id)
    )
