"""SQL about the audit log: rows are added and read, and never changed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select, tuple_

from app.database import PooledConnection
from app.errors import ValidationFailed
from app.models import Actor, AuditEntry

Detail = UUID | int | datetime | str | None
"""Value of a detail; a text must be an identifier, such as an id of Stripe or a state."""

_MAX_REASON_CHARS: Final = 500
_IDENTIFIER: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,99}")
_DATE: Final = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
_PERSONAL: Final = re.compile(r"\d(?:[\s().+/-]{0,3}\d){8}|\S@\S")
"""Nine digits of a number, however they are written, or an address of e-mail; dates are none."""


@dataclass(frozen=True, slots=True)
class AuditRepository:
    """The audit log."""

    connection: PooledConnection

    async def page(
        self, *, user_id: UUID | None, before: tuple[datetime, UUID] | None, limit: int
    ) -> Sequence[AuditEntry]:
        """Return up to `limit` rows, newest first, after the row at `before`; of all users or of one."""
        query = select(AuditEntry).order_by(AuditEntry.at.desc(), AuditEntry.id.desc()).limit(limit)
        if user_id is not None:
            query = query.where(AuditEntry.user_id == user_id)
        if before is not None:
            query = query.where(tuple_(AuditEntry.at, AuditEntry.id) < before)
        return (await self.connection.session.scalars(query)).all()


@dataclass(slots=True)
class AuditRecorder:
    """Adds the audit rows of one transaction of an operator; see `UnitOfWork.begin_audited`."""

    connection: PooledConnection
    actor: Actor
    is_settled: bool = False
    """Whether the transaction has recorded an act, or declared that it changes nothing."""

    async def record(
        self,
        action: str,
        *,
        subject_type: str,
        subject_id: UUID | str | None = None,
        user_id: UUID | None = None,
        reason: str | None = None,
        details: Mapping[str, Detail] | None = None,
    ) -> AuditEntry:
        """Add a row: `action` happened to the subject, which concerns this user.

        Raises:
            ValidationFailed: the reason is empty or too long, or holds a phone number or an e-mail address.
        """
        if reason is not None:
            reason = checked_reason(reason)
        entry = AuditEntry(
            actor=self.actor.name,
            action=action,
            subject_type=subject_type,
            subject_id=None if subject_id is None else str(subject_id),
            user_id=user_id,
            reason=reason,
            details={name: _plain(value) for name, value in (details or {}).items()},
            request_id=self.actor.request_id,
        )
        self.connection.session.add(entry)
        await self.connection.session.flush()
        self.is_settled = True
        return entry

    def nothing_changed(self) -> None:
        """Declare that this transaction changes nothing, so that it needs no row."""
        self.is_settled = True


def checked_reason(reason: str) -> str:
    """Return an operator's reason without blanks around it.

    The row outlives the account, so it must hold nothing personal, as far as that can be recognized.

    Raises:
        ValidationFailed: it is empty or too long, or holds a phone number or an e-mail address.
    """
    stripped = " ".join(reason.split())
    if not stripped:
        raise _refused("blank", "must not be blank")
    if len(stripped) > _MAX_REASON_CHARS:
        raise _refused("string_too_long", f"must be at most {_MAX_REASON_CHARS} characters")
    if _PERSONAL.search(_DATE.sub("", stripped)):
        raise _refused(
            "personal_data", "must hold no phone number and no e-mail address: it is kept for good"
        )
    return stripped


def _refused(code: str, message: str) -> ValidationFailed:
    return ValidationFailed(members={"errors": [{"pointer": "/reason", "code": code, "message": message}]})


def _plain(value: Detail) -> int | str | None:
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, str):
        if not _IDENTIFIER.fullmatch(value):
            raise TypeError("a detail of the audit log is a number, a time or an identifier")
        return value
    return value.isoformat() if isinstance(value, datetime) else str(value)
