"""SQL about the installation's id."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Installation


@dataclass(frozen=True, slots=True)
class InstallationRepository:
    """The one row of `installation`."""

    session: AsyncSession

    async def id(self) -> UUID:
        """Return the id; create one if the row was deleted, as in a copy that needs its own id."""
        found: UUID | None = await self.session.scalar(select(Installation.id))
        if found is None:
            await self.session.execute(insert(Installation).values(is_only=True).on_conflict_do_nothing())
            found = await self.session.scalar(select(Installation.id))
        if found is None:
            raise RuntimeError("the installation's row cannot be created")
        return found
