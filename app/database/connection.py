"""The methods of asyncpg's connection that this service calls; asyncpg publishes no types."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol


class Record(Protocol):
    """A row: its values by number or by column name."""

    def __getitem__(self, column: int | str) -> Any: ...  # noqa: ANN401  # the statement decides its types

    def items(self) -> Iterator[tuple[str, Any]]: ...

    def __iter__(self) -> Iterator[Any]: ...


class PreparedStatement(Protocol):
    """A prepared statement."""

    async def fetchval(self) -> object:
        """Run it; return the first column of the first row."""
        ...


class Connection(Protocol):
    """An open connection."""

    async def execute(self, query: str) -> str:
        """Run statements without parameters, by the simple protocol."""
        ...

    async def fetch(self, query: str, *args: object) -> Sequence[Record]:
        """Prepare and run a query; return its rows."""
        ...

    async def fetchval(self, query: str, *args: object) -> object:
        """Prepare and run a query; return the first column of the first row."""
        ...

    async def prepare(self, query: str) -> PreparedStatement:
        """Prepare a statement under a name."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[object]:
        """Return a transaction as a block."""
        ...

    def is_in_transaction(self) -> bool:
        """Whether a transaction is open; only while the connection is."""
        ...

    def get_server_pid(self) -> int:
        """Return the process number that the server, or a pooler, sent when the connection was made."""
        ...

    def is_closed(self) -> bool:
        """Whether either side has closed the connection."""
        ...

    def terminate(self) -> None:
        """Close the socket without notifying the server."""
        ...

    async def close(self, *, timeout: float) -> None:  # noqa: ASYNC109  # asyncpg's name
        """Notify the server, wait for it at most `timeout` seconds, and close the socket."""
        ...
