"""Plans of the statements that the service sends: recorded, and repeated under EXPLAIN ANALYZE."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import LiteralString, cast

import asyncpg
import psycopg
from psycopg import sql
from sqlalchemy import event

from app.database import Database, PooledConnection
from app.database.idle import IdleConnections
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


class _Recorded(IdleConnections):
    """Connections that record each statement that the service sends on them."""

    def __init__(self, database: Database, note: Callable[[str, Sequence[object]], None]) -> None:
        super().__init__(database.connector, database.engine)
        self._note = note

    async def take(self) -> PooledConnection:
        connection = await super().take()
        driver = cast("asyncpg.Connection", connection.driver)
        driver.add_query_logger(lambda logged: self._note(logged.query, logged.args))
        return connection


def recorded(database: Database, *, tables: Sequence[str] = _TABLES) -> tuple[Database, list[Sent]]:
    """Return the database, and a list of its statements about these tables, by default messages and rooms."""
    sent: list[Sent] = []

    def note(statement: str, values: Sequence[object]) -> None:
        if any(table in statement for table in tables):
            sent.append(Sent(statement, tuple(values)))

    def note_of_the_session(*arguments: object) -> None:
        note(str(arguments[2]), cast("Sequence[object]", arguments[3]))

    event.listen(database.engine.sync_engine, "before_cursor_execute", note_of_the_session)
    return replace(database, idle=_Recorded(database, note)), sent


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
