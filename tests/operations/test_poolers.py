"""A pooler in transaction mode before the database works with a setting, and is reported without it."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from app.config import START_FAILURE, PostgresAddress
from app.database.connector import Connector
from tests.conftest import Servers
from tests.support.database import Database
from tests.support.pgbouncer import pgbouncer
from tests.support.stack import Stack, alembic
from tests.support.user import User, client, ok

pytestmark = pytest.mark.server_version

_USERS = 6
_ROUNDS = 25
_NEIGHBOURS = 3


@contextmanager
def _neighbours(url: str) -> Iterator[None]:
    """Run other clients through the pooler, so that server connections change clients continuously."""
    is_over = threading.Event()

    def query() -> None:
        with psycopg.connect(url, autocommit=True, prepare_threshold=None) as connection:
            while not is_over.is_set():
                connection.execute("SELECT %s::text", ["a neighbour"])

    threads = [threading.Thread(target=query) for _ in range(_NEIGHBOURS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


@pytest.fixture
def pooled(servers: Servers, tmp_path: Path) -> Iterator[Stack]:
    """Run a stack that uses and migrates the database through PgBouncer."""
    product = Stack(database_url=servers.database_url, redis_url=servers.redis_url, folder=tmp_path)
    product.settings["CELERY_BROKER_URL"] = servers.redis_url.rpartition("/")[0] + "/9"
    with pgbouncer(product.database.url) as url:
        product.settings |= {
            "DATABASE_URL": url,
            "DATABASE_POOLER": "transaction",
            "MIGRATE_ON_START": "true",
        }
        try:
            product.start_sandbox()
            product.base_url = product.start_api()
            yield product
        finally:
            product.stop()


def test_everything_works_through_a_pooler_in_transaction_mode(pooled: Stack) -> None:
    """Red with named statements, and when a single statement runs outside a transaction."""
    pooled.start_worker()

    def use(user: User) -> None:
        room = user.open_room()
        assert user.say(room, "Through the pooler")["reply"]["status"] == "completed"
        for _ in range(10):
            for path in (
                "/user/me",
                "/chatroom",
                f"/chatroom/{room}",
                "/chatroom/search?q=pooler",
                "/health",
            ):
                ok(user.http.get(path))
        ok(user.http.patch(f"/chatroom/{room}", json={"title": "Pooled"}))

    users = [pooled.user() for _ in range(_USERS)]
    with _neighbours(pooled.settings["DATABASE_URL"]), ThreadPoolExecutor(_USERS) as pool:
        list(pool.map(use, users))
    assert "Error" not in pooled.logs()
    left_behind = Database(pooled.settings["DATABASE_URL"]).rows("SELECT name FROM pg_prepared_statements")
    assert left_behind == []


def test_a_migration_runs_through_the_pooler(pooled: Stack) -> None:
    through = pooled.settings["DATABASE_URL"]
    alembic(f"{through}?pgbouncer=true", "downgrade", "base")
    alembic(f"{through}?pgbouncer=true", "upgrade", "head")
    assert pooled.database.value("SELECT count(*) FROM alembic_version") == 1


def test_without_the_setting_the_processes_stop_and_name_it(pooled: Stack) -> None:
    """Red without the start check: 91 of 144 reads were 500."""
    command = ("-A", "app.celery_app", "worker", "-Q", "ai_processing")
    for process in (
        pooled.start("api", "uvicorn", "app.main:app", "--port", "0", DATABASE_POOLER=""),
        pooled.start("worker", "celery", *command, DATABASE_POOLER=""),
    ):
        assert process.popen.wait(60) in (1, START_FAILURE)
        assert "set DATABASE_POOLER=transaction" in process.log
        assert "Traceback" not in process.log


def test_the_pooler_option_of_other_drivers_counts_as_the_setting(pooled: Stack) -> None:
    url = f"{pooled.settings['DATABASE_URL']}?pgbouncer=true&connection_limit=1"
    address = pooled.start_api(DATABASE_POOLER="", DATABASE_URL=url)
    with client(address) as anyone:
        assert ok(anyone.get("/health"))["checks"]["database"]["status"] == "up"


def test_limits_of_a_connection_do_not_leak_through_a_pooler(servers: Servers) -> None:
    """Red when they are set without detecting the pooler: a migration would be ended after seconds."""

    async def limit_through(url: str) -> object:
        address = PostgresAddress.parse(url)
        connection = await Connector(address, seconds=5, statement_seconds=2, is_pooled=False).connect()
        try:
            return await connection.fetchval("SELECT current_setting('statement_timeout')")
        finally:
            await connection.close(timeout=5)

    assert asyncio.run(limit_through(servers.database_url)) == "2s"
    with pgbouncer(servers.database_url) as url:
        assert asyncio.run(limit_through(url)) == "0"
