"""Keys of the admin API, stored as digests."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Index, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, new_id


class AdminKey(Base):
    """A key of the admin API. A revoked one stays, since the audit log names it."""

    __tablename__ = "admin_keys"
    __table_args__ = (
        Index("uq_admin_keys_open_name", "name", unique=True, postgresql_where=text("revoked_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str]
    key_hash: Mapped[bytes] = mapped_column(unique=True)
    """SHA-256 of the key, which is random and as long: no salt is needed."""
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_used_at: Mapped[datetime | None]
    """At most a minute older than the last use."""
    revoked_at: Mapped[datetime | None]
