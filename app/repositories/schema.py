"""SQL about the schema's revision."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_REVISION = text("SELECT version_num FROM alembic_version")
# Alembic's table is in a schema of the search path.
_IS_MIGRATED = text("SELECT to_regclass('alembic_version') IS NOT NULL")


@dataclass(frozen=True, slots=True)
class SchemaRepository:
    """The revision that Alembic has noted in the database."""

    session: AsyncSession

    async def is_migrated(self) -> bool:
        """Whether the database was ever migrated."""
        return bool(await self.session.scalar(_IS_MIGRATED))

    async def revision(self) -> str | None:
        """Return the database's revision; fails when it was never migrated. Takes one round trip."""
        found: str | None = await self.session.scalar(_REVISION)
        return found
