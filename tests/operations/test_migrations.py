"""Migrations run up, down and up, match the models, and block no client while they wait for a lock."""

import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from app.config import START_FAILURE
from tests.conftest import Servers
from tests.support.database import Database
from tests.support.process import ROOT, Process
from tests.support.stack import alembic, create_database, drop_database
from tests.support.waiting import eventually

pytestmark = pytest.mark.server_version

_LONGEST_READ_SECONDS = 8  # the migration waits for one second; the rest is for a busy machine


@pytest.fixture
def database(servers: Servers) -> Iterator[Database]:
    url = create_database(servers.database_url)
    yield Database(url)
    drop_database(url)


def _tables(database: Database) -> set[object]:
    rows = database.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return {row["tablename"] for row in rows}


def test_up_down_up_leaves_the_tables_of_the_models(database: Database) -> None:
    alembic(database.url, "upgrade", "head")
    tables = _tables(database)
    assert {"users", "sessions", "chatrooms", "messages", "daily_usage"} <= tables
    alembic(database.url, "downgrade", "base")
    assert _tables(database) == {"alembic_version"}
    alembic(database.url, "upgrade", "head")
    assert _tables(database) == tables
    assert "No new upgrade operations detected" in alembic(database.url, "check")


@pytest.fixture
def before_sessions_change(database: Database) -> Database:
    """Migrate a database to just before the column that was added to `sessions`."""
    alembic(database.url, "upgrade", "0012")
    alembic(database.url, "downgrade", "-1")
    return database


def _revision(database: Database) -> object:
    return database.value("SELECT version_num FROM alembic_version")


def _upgrade(database: Database, folder: Path) -> Process:
    arguments = ("-c", str(ROOT / "alembic.ini"), "upgrade", "0012")
    env = {"DATABASE_URL": database.url}
    return Process("alembic", "alembic", *arguments, env=env, log=folder / "alembic.log")


def test_a_migration_that_waits_for_a_lock_blocks_no_reader_and_continues(
    before_sessions_change: Database, tmp_path: Path
) -> None:
    """Red without lock_timeout: readers of the table queue behind it until the lock is released."""
    database = before_sessions_change
    with psycopg.connect(database.url) as holder:
        holder.execute("SELECT FROM sessions")
        migration = _upgrade(database, tmp_path)
        slowest = 0.0

        def read_while_it_tries() -> bool:
            nonlocal slowest
            began = time.monotonic()
            database.run("SET statement_timeout = '20s'; SELECT FROM sessions")
            slowest = max(slowest, time.monotonic() - began)
            return migration.log.count("migration_locked_out") >= 2

        eventually(read_while_it_tries, seconds=60, what="two tries of the migration")
        assert slowest < _LONGEST_READ_SECONDS
        assert migration.popen.poll() is None
    assert migration.popen.wait(60) == 0, migration.log
    assert _revision(database) == "0012"


def test_a_migration_that_gets_no_lock_fails_and_changes_nothing(
    before_sessions_change: Database, tmp_path: Path
) -> None:
    """By command and at the start of a process. Red without the limit: they never stop."""
    database, before = before_sessions_change, _revision(before_sessions_change)
    settings = {
        "DATABASE_URL": database.url,
        "REDIS_URL": "redis://127.0.0.1:9/0",
        "MIGRATE_ON_START": "true",
    }
    with psycopg.connect(database.url) as holder:
        holder.execute("SELECT FROM sessions")
        by_hand = _upgrade(database, tmp_path)
        api = Process("api", "uvicorn", "app.main:app", "--port", "0", env=settings, log=tmp_path / "api.log")
        assert by_hand.popen.wait(120) not in (0, None)
        assert api.popen.wait(120) in (1, START_FAILURE)
    for process in (by_hand, api):
        assert "another session holds a lock" in process.log
        assert "Traceback" not in process.log
    assert _revision(database) == before
