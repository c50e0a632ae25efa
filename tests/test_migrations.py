"""Migrations run up, down and up again, and agree with the models."""

from collections.abc import Iterator

import pytest

from tests.conftest import Servers
from tests.support.database import Database
from tests.support.stack import alembic, create_database, drop_database


@pytest.fixture
def database(servers: Servers) -> Iterator[Database]:
    url = create_database(servers.database_url)
    yield Database(url)
    drop_database(url)


def _tables(database: Database) -> set[object]:
    rows = database.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return {row["tablename"] for row in rows}


def test_up_down_up_leaves_the_models_tables(database: Database) -> None:
    alembic(database.url, "upgrade", "head")
    tables = _tables(database)
    assert {"users", "sessions", "chatrooms", "messages", "daily_usage"} <= tables
    alembic(database.url, "downgrade", "base")
    assert _tables(database) == {"alembic_version"}
    alembic(database.url, "upgrade", "head")
    assert _tables(database) == tables
    assert "No new upgrade operations detected" in alembic(database.url, "check")
