"""The installation: one row with the id of this database among others on the same Stripe account."""

from uuid import UUID

from sqlalchemy import CheckConstraint, text, true
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class Installation(Base):
    """A random id, created with the table. A restored backup keeps it; a new database has another."""

    __tablename__ = "installation"
    __table_args__ = (CheckConstraint("is_only", name="is_only"),)

    is_only: Mapped[bool] = mapped_column(primary_key=True, default=True, server_default=true())
    id: Mapped[UUID] = mapped_column(server_default=text("gen_random_uuid()"))
