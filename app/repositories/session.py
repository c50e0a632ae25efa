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

    async def find_open(self, *, session_id: UUID, user_id: UUID, now: datetime) -> UUID | None:
        """This session of this user, if it has neither ended nor run out."""
        return await self.session.scalar(
            select(Session.id).where(
                Session.id == session_id,
                Session.user_id == user_id,
                Session.ended_at.is_(None),
                Session.refresh_expires_at > now,
            )
        )
