"""SQL that inspects the server and the queues for operators."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_SERVER = text(
    "SELECT current_setting('server_version_num')::integer AS version_number,"
    " current_setting('server_version') AS version,"
    " current_setting('transaction_read_only')::bool AS is_read_only,"
    " current_setting('max_connections')::integer AS max_connections,"
    " extract(epoch FROM clock_timestamp())::float8 AS clock"
)
_INBOX = text(
    "SELECT count(*) AS waiting,"
    " coalesce(extract(epoch FROM now() - min(received_at)), 0)::float8 AS oldest_seconds"
    " FROM stripe_events WHERE processed_at IS NULL"
)


@dataclass(frozen=True, slots=True)
class ServerState:
    """The database's server; `clock` is its time in seconds since 1970."""

    version_number: int
    version: str
    is_read_only: bool
    max_connections: int
    clock: float


@dataclass(frozen=True, slots=True)
class InboxState:
    """Stripe's events that are not processed."""

    waiting: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class InspectionRepository:
    """The server and the queues, read only."""

    session: AsyncSession

    async def server(self) -> ServerState:
        """Return the state of the database's server."""
        return ServerState(*(await self.session.execute(_SERVER)).one())

    async def inbox(self) -> InboxState:
        """Return how many of Stripe's events wait, and for how long the oldest does."""
        return InboxState(*(await self.session.execute(_INBOX)).one())
