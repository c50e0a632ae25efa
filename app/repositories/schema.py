"""SQL about the schema's revision, and whether the database can be written to."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_REVISION = text("SELECT version_num FROM alembic_version")
# Read-only: also on a standby, and if an operator, or a provider with a full disk, has set the default.
# The count exceeds its work_mem, so the server writes a temporary file of 224 kB, without a row or WAL; file
# and setting end with the statement. One statement, since each round trip to a distant database is slow.
_STATE = text(
    "SELECT version_num, current_setting('transaction_read_only')::bool,"
    " (SELECT count(*) FROM (SELECT set_config('work_mem', '64kB', true)) AS least"
    " CROSS JOIN LATERAL generate_series(1, 4000 * length(least.set_config)))"
    " FROM alembic_version"
)
# Alembic's table is in a schema of the search path.
_IS_MIGRATED = text("SELECT to_regclass('alembic_version') IS NOT NULL")


@dataclass(frozen=True, slots=True)
class SchemaState:
    """The schema's revision, and whether the database rejects writes."""

    revision: str | None
    is_read_only: bool


@dataclass(frozen=True, slots=True)
class SchemaRepository:
    """Alembic's revision, and whether the database can be written to."""

    session: AsyncSession

    async def is_migrated(self) -> bool:
        """Whether the database was ever migrated."""
        return bool(await self.session.scalar(_IS_MIGRATED))

    async def state(self) -> SchemaState:
        """Return the database's state; fails if it was never migrated or its disk is full."""
        found = (await self.session.execute(_STATE)).one_or_none()
        return SchemaState(found[0], bool(found[1])) if found else SchemaState(None, is_read_only=False)

    async def revision(self) -> str | None:
        """Return the schema's revision in one round trip; fails if the database was never migrated."""
        found: str | None = await self.session.scalar(_REVISION)
        return found
