"""Heartbeats of worker processes."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class WorkerHeartbeat(Base):
    """A worker process's last heartbeat, by the database's clock."""

    __tablename__ = "worker_heartbeats"

    worker_id: Mapped[UUID] = mapped_column(primary_key=True)
    hostname: Mapped[str]
    seen_at: Mapped[datetime]
