"""Direct access to the database behind the API."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import LiteralString

import psycopg
from psycopg.rows import dict_row

from tests.support.waiting import eventually

Row = dict[str, object]


class Database:
    """Runs single statements, each on its own connection."""

    def __init__(self, url: str) -> None:
        self.url = url

    def rows(self, query: LiteralString, *values: object) -> list[Row]:
        """Return all rows of a query."""
        with psycopg.connect(self.url, autocommit=True, row_factory=dict_row) as connection:
            return connection.execute(query, values).fetchall()

    def value(self, query: LiteralString, *values: object) -> object:
        """Return the only value of a query's only row."""
        [row] = self.rows(query, *values)
        [value] = row.values()
        return value

    def run(self, statement: LiteralString, *values: object) -> None:
        """Run a statement without a result."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement, values)

    @contextmanager
    def unreadable(self, table: LiteralString) -> Iterator[None]:
        """Make every statement on a table fail in a way that the service does not expect."""
        self.run(f"ALTER TABLE {table} RENAME TO mislaid")
        # Reading divides by zero, and through an OFFSET nothing can be written.
        view: LiteralString = f"CREATE VIEW {table} AS TABLE mislaid OFFSET 1 / 0"
        self.run(view)
        try:
            yield
        finally:
            self.run(f"DROP VIEW {table}")
            self.run(f"ALTER TABLE mislaid RENAME TO {table}")

    def wait_for_blocked(self, statement: str, *, besides: int = 0) -> int:
        """Wait for a backend other than `besides` that waits for a lock in this statement; return its pid."""

        def blocked() -> int | None:
            rows = self.rows(
                "SELECT pid, query FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            pids = [
                int(str(row["pid"])) for row in rows if re.match(statement, str(row["query"]), re.IGNORECASE)
            ]
            return next((pid for pid in pids if pid != besides), None)

        return eventually(blocked, what=f"a blocked {statement}")
