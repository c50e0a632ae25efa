"""SQL about sessions."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Session


@dataclass(frozen=True, slots=True)
class SessionRepository:
    """Signed-in devices."""

    session: AsyncSession

    def add(self, row: Session) -> None:
        """Open a session."""
        self.session.add(row)

    async def is_live(self, *, session_id: UUID, user_id: UUID, now: datetime) -> bool:
        """Whether this session of this user has neither ended nor run out."""
        found = await self.session.scalar(
            select(Session.id).where(
                Session.id == session_id,
                Session.user_id == user_id,
                Session.ended_at.is_(None),
                Session.refresh_expires_at > now,
            )
        )
        return found is not None
