"""Statements on the driver: plans that became invalid, cancelled statements, and SQLAlchemy beside them."""

import asyncio
from collections.abc import Awaitable, Callable

import psycopg
import pytest
from sqlalchemy import text

from app.config import PostgresAddress
from app.database import Database, Statement
from app.errors import ServiceUnavailable
from tests.conftest import Servers

pytestmark = pytest.mark.server_version

_READ = Statement.of("SELECT a FROM driver_statements WHERE :x = :x", x="integer")
_SLEEP = Statement.of("SELECT pg_sleep(:seconds)", seconds="float8")


def _run(servers: Servers, use: Callable[[Database], Awaitable[None]]) -> None:
    async def run() -> None:
        database = Database.from_url(PostgresAddress.parse(servers.database_url))
        try:
            await use(database)
        finally:
            await database.aclose()

    with psycopg.connect(servers.database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE driver_statements AS SELECT 1 AS a")
        try:
            asyncio.run(run())
        finally:
            connection.execute("DROP TABLE driver_statements")


def test_a_statement_goes_on_after_a_migration_has_changed_a_type(servers: Servers) -> None:
    """Red when a plan that became invalid is an unexpected error: inside a transaction a retry is needed."""

    def change(kind: str) -> None:
        with psycopg.connect(servers.database_url, autocommit=True) as connection:
            connection.execute(f"ALTER TABLE driver_statements ALTER a TYPE {kind}".encode())

    async def use(database: Database) -> None:
        async with database.connection(30) as connection:
            assert [row["a"] for row in await connection.fetch(_READ, {"x": 1})] == [1]
        change("text")
        async with database.connection(30) as connection:
            assert [row["a"] for row in await connection.fetch(_READ, {"x": 1})] == ["1"]
        change("varchar(9)")

        async def read_in_a_transaction() -> None:
            async with database.connection(30) as connection:
                await connection.run("BEGIN")
                await connection.fetch(_READ, {"x": 1})

        with pytest.raises(ServiceUnavailable):
            await read_in_a_transaction()
        async with database.connection(30) as connection:
            assert [row["a"] for row in await connection.fetch(_READ, {"x": 1})] == ["1"]

    _run(servers, use)


def test_a_connection_is_not_used_again_after_a_cancelled_statement(servers: Servers) -> None:
    """Red when it goes back to the pool: the server cancels the statement of the next caller."""

    async def use(database: Database) -> None:
        cancelled: list[int] = []

        async def sleep() -> None:
            async with asyncio.timeout(None) as limit, database.connection(30) as connection:
                cancelled.append(connection.driver.get_server_pid())
                limit.reschedule(asyncio.get_running_loop().time() + 0.1)
                await connection.fetch(_SLEEP, {"seconds": 5})

        with pytest.raises(TimeoutError):
            await sleep()
        async with database.connection(30) as connection:
            assert connection.driver.get_server_pid() not in cancelled

    _run(servers, use)


def test_a_connection_is_not_used_again_inside_a_transaction(servers: Servers) -> None:
    """Red when it goes back to the pool: the next caller works in a transaction that nobody commits."""

    async def use(database: Database) -> None:
        async with database.connection(30) as connection:
            await connection.run("BEGIN")
        async with database.connection(30) as connection:
            assert not connection.is_in_transaction

    _run(servers, use)


def test_the_session_is_part_of_the_transaction_of_its_block(servers: Servers) -> None:
    """Red when the session has a connection of its own, or begins a transaction by itself."""

    async def use(database: Database) -> None:
        async with database.connection(30) as connection:
            await connection.session.execute(text("SELECT 1"))
            assert not connection.is_in_transaction
            await connection.run("BEGIN")
            await connection.session.execute(text("UPDATE driver_statements SET a = 2"))
            assert [row["a"] for row in await connection.fetch(_READ, {"x": 1})] == [2]
            await connection.run("ROLLBACK")
            assert [row["a"] for row in await connection.fetch(_READ, {"x": 1})] == [1]

    _run(servers, use)
