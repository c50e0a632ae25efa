"""SQL about worker processes and the state of the queue."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Message, MessageStatus, WorkerHeartbeat
from app.models.message import UNFINISHED

_ALIVE = text("interval '15 seconds'")
_STALE = text("interval '1 hour'")


@dataclass(frozen=True, slots=True)
class WorkerRepository:
    """Heartbeats and the queue of replies; all times are the database's."""

    session: AsyncSession

    async def beat(self, *, worker_id: UUID, hostname: str) -> None:
        """Record a heartbeat of this worker process."""
        heartbeat = insert(WorkerHeartbeat).values(worker_id=worker_id, hostname=hostname, seen_at=func.now())
        await self.session.execute(
            heartbeat.on_conflict_do_update(
                index_elements=[WorkerHeartbeat.worker_id], set_={"seen_at": func.now()}
            )
        )

    async def remove(self, worker_id: UUID) -> None:
        """Delete this worker's heartbeat, and those of workers that were silent for an hour."""
        await self.session.execute(
            delete(WorkerHeartbeat).where(
                (WorkerHeartbeat.worker_id == worker_id) | (WorkerHeartbeat.seen_at < func.now() - _STALE)
            )
        )

    async def count_alive(self) -> int:
        """Count worker processes with a heartbeat in the last 15 seconds."""
        count = await self.session.scalar(
            select(func.count())
            .select_from(WorkerHeartbeat)
            .where(WorkerHeartbeat.seen_at > func.now() - _ALIVE)
        )
        return count or 0

    async def count_pending(self) -> int:
        """Count replies that no worker has claimed, including those that wait for a retry."""
        count = await self.session.scalar(
            select(func.count())
            .select_from(Message)
            .where(UNFINISHED, Message.status == MessageStatus.PENDING)
        )
        return count or 0

    async def oldest_pending_seconds(self) -> float:
        """Return for how long the oldest due reply has waited for a worker; 0 if none waits."""
        waited = await self.session.scalar(
            select(func.extract("epoch", func.now() - Message.queued_at))
            .where(
                UNFINISHED,
                Message.status == MessageStatus.PENDING,
                (Message.next_attempt_at.is_(None)) | (Message.next_attempt_at <= func.now()),
            )
            .order_by(Message.queued_at)
            .limit(1)
        )
        return max(float(waited or 0), 0)
