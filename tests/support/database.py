"""A look at the rows behind the API."""

from typing import LiteralString

import psycopg
from psycopg.rows import dict_row

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
