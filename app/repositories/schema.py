"""SQL about the schema's revision."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_REVISION = text("SELECT version_num FROM alembic_version")
# Alembic keeps its table in the first schema of the search path.
_HAS_REVISION = text("SELECT to_regclass('alembic_version') IS NOT NULL")


@dataclass(frozen=True, slots=True)
class SchemaRepository:
    """The revision that Alembic has noted in the database."""

    session: AsyncSession

    async def revision(self) -> str | None:
        """Return the database's revision; None when it was never migrated."""
        if not await self.session.scalar(_HAS_REVISION):
            return None
        found: str | None = await self.session.scalar(_REVISION)
        return found
