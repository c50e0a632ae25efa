"""SQL that checks the database itself."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True, slots=True)
class DatabaseRepository:
    """The database as such, not one of its tables."""

    session: AsyncSession

    async def ping(self) -> None:
        """Execute an empty query.

        Raises:
            ServiceUnavailable: the database is unavailable.
        """
        await self.session.execute(select(1))
