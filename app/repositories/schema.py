"""SQL about the schema's revision, and whether the database can be written to."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_REVISION = text("SELECT version_num FROM alembic_version")
# Read-only: also on a standby, and where an operator, or a provider with a full disk, has set the default.
# The count exceeds the memory that it is given, so the server writes a temporary file of 224 kB: no row, no
# WAL, and it is gone with the statement, as is the setting. One round trip, since the database may be far.
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
    """The database as a whole."""

    revision: str | None
    is_read_only: bool


@dataclass(frozen=True, slots=True)
class SchemaRepository:
    """The revision that Alembic has noted in the database, and what can be done with it."""

    session: AsyncSession

    async def is_migrated(self) -> bool:
        """Whether the database was ever migrated."""
        return bool(await self.session.scalar(_IS_MIGRATED))

    async def state(self) -> SchemaState:
        """Return the database's state; fails when it was never migrated, and when its disk is full."""
        found = (await self.session.execute(_STATE)).one_or_none()
        return SchemaState(found[0], bool(found[1])) if found else SchemaState(None, is_read_only=False)

    async def revision(self) -> str | None:
        """Return the database's revision; fails when it was never migrated. Takes one round trip."""
        found: str | None = await self.session.scalar(_REVISION)
        return found
