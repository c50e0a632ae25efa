"""Periodic jobs: work that is due again and again, claimed by whichever worker polls first."""

from datetime import datetime

from sqlalchemy import BigInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class PeriodicJob(Base):
    """One kind of periodic work; whoever moves `next_run_at` on does it."""

    __tablename__ = "periodic_jobs"

    name: Mapped[str] = mapped_column(primary_key=True)
    next_run_at: Mapped[datetime]
    """By the database's clock."""
    items_found: Mapped[int] = mapped_column("tally", BigInteger, default=0, server_default=text("0"))
    """How much all its runs found to do, for operators."""
