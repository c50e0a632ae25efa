"""A look at the rows behind the API."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import LiteralString

import psycopg
from psycopg.rows import dict_row

from tests.support.waiting import eventually

Row = dict[str, object]


class Database:
    """Runs single statements, each on a connection of its own."""

    def __init__(self, url: str) -> None:
        self.url = url

    def rows(self, query: LiteralString, *values: object) -> list[Row]:
        """All rows of a query."""
        with psycopg.connect(self.url, autocommit=True, row_factory=dict_row) as connection:
            return connection.execute(query, values).fetchall()

    def value(self, query: LiteralString, *values: object) -> object:
        """The single value of a query's single row."""
        [row] = self.rows(query, *values)
        [value] = row.values()
        return value

    def run(self, statement: LiteralString, *values: object) -> None:
        """A statement without a result."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement, values)

    @contextmanager
    def unreadable(self, table: LiteralString) -> Iterator[None]:
        """Let every statement about a table fail in a way that the service does not expect."""
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
        """Return the pid of a backend other than `besides` whose statement begins so and waits for a lock."""

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
