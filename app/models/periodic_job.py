"""Periodic tasks, which workers claim by their rows."""

from datetime import datetime

from sqlalchemy import BigInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class PeriodicJob(Base):
    """One periodic task; the worker that moves `next_run_at` runs it."""

    __tablename__ = "periodic_jobs"

    name: Mapped[str] = mapped_column(primary_key=True)
    next_run_at: Mapped[datetime]
    """By the database's clock."""
    last_success_at: Mapped[datetime | None]
    """By the database's clock; None until a run has succeeded."""
    items_found: Mapped[int] = mapped_column("tally", BigInteger, default=0, server_default=text("0"))
    """How many items all its runs have found, for operators."""
