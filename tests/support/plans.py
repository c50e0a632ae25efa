"""Plans of the statements that the service sends: recorded, and repeated under EXPLAIN ANALYZE."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import LiteralString, cast

import psycopg
from psycopg import sql
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.user import Json

_TABLES = ("messages", "chatrooms")


@dataclass(frozen=True, slots=True)
class Sent:
    """A statement with its values."""

    statement: str
    values: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Scan:
    """A node of a plan that reads a table or an index, with the rows that it read and filtered out."""

    kind: str
    of: str
    rows: float


@contextmanager
def noted(engine: AsyncEngine, *, tables: Sequence[str] = _TABLES) -> Iterator[list[Sent]]:
    """Record the statements sent during the block about these tables, by default messages and rooms."""
    sent: list[Sent] = []

    def note(*arguments: object) -> None:
        statement, values = str(arguments[2]), cast("tuple[object, ...]", arguments[3])
        if any(table in statement for table in tables):
            sent.append(Sent(statement, values))

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine.sync_engine, "before_cursor_execute", note)


def scans(database_url: str, sent: Sent, *, plan: LiteralString) -> list[Scan]:
    """Return a statement's scans, planned for its values (`force_custom_plan`) or for any."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET plan_cache_mode = " + plan)
        connection.execute(b"PREPARE asked AS " + sent.statement.encode())
        values = sql.SQL(", ").join(map(sql.Literal, sent.values))
        explain = sql.SQL("EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) EXECUTE asked({})").format(values)
        [[[explained]]] = connection.execute(explain).fetchall()
    return list(_scans(explained["Plan"]))


def _scans(node: Json) -> Iterator[Scan]:
    if of := node.get("Index Name") or node.get("Relation Name"):
        rows = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
        read = sum(node.get(name, 0) for name in rows) * node["Actual Loops"]
        yield Scan(node["Node Type"], of, read)
    for child in node.get("Plans", []):
        yield from _scans(child)
