"""The audit log: what operators did, and with which reason. A trigger refuses every change of its rows."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Dialect, Index, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from app.models.base import Base, new_id


class _Json(TypeDecorator[dict[str, Any]]):
    """JSON on a connection without codecs, which returns it as text."""

    impl = JSONB
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ANN401, ARG002  # SQLAlchemy's
        return json.loads(value) if isinstance(value, str) else value


class AuditEntry(Base):
    """One act of an operator. It names ids only, and outlives the account that it concerns."""

    __tablename__ = "audit_log"
    __table_args__ = (
        Index("ix_audit_log_at", text("at DESC"), text("id DESC")),
        Index("ix_audit_log_of_user", "user_id", text("at DESC"), text("id DESC")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    """By the database's clock."""
    actor: Mapped[str]
    """The name of an `Actor`."""
    action: Mapped[str]
    """The subject and what happened to it: `user.banned`."""
    subject_type: Mapped[str]
    subject_id: Mapped[str | None]
    user_id: Mapped[UUID | None]
    """The user concerned. No foreign key: the row stays when the account is erased."""
    reason: Mapped[str | None]
    details: Mapped[dict[str, Any]] = mapped_column(_Json, default=dict, server_default=text("'{}'"))
    """Ids, numbers and times."""
    request_id: Mapped[str | None]
