"""The command line migrates the database as Alembic's own command does."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.migrations import Revisions
from devtools.ports import free_port
from tests.conftest import Servers
from tests.support.cli import Done, run
from tests.support.database import Database
from tests.support.pgbouncer import pgbouncer
from tests.support.stack import alembic, create_database, drop_database

pytestmark = pytest.mark.server_version


@pytest.fixture
def database(servers: Servers) -> Iterator[Database]:
    """An empty database."""
    url = create_database(servers.database_url)
    yield Database(url)
    drop_database(url)


def _run(database: Database, servers: Servers, folder: Path, *arguments: str) -> Done:
    env = {"DATABASE_URL": database.url, "REDIS_URL": servers.redis_url}
    return run(*arguments, env=env, folder=folder)


def test_a_migrated_down_database_is_found_and_migrated(
    database: Database, servers: Servers, tmp_path: Path
) -> None:
    """Red if `--check` compares with nothing, or if the migration is not run."""
    head = Revisions.of_this_code().head
    empty = _run(database, servers, tmp_path, "migrate", "--check", "--json")
    assert (empty.code, empty.document) == (1, {"revision": None, "needed": head, "is_missing": True})
    first = _run(database, servers, tmp_path, "migrate")
    assert (first.code, first.out) == (0, f"Migrated from an empty database to {head}.\n")
    alembic(database.url, "downgrade", "-1")

    problems = _run(database, servers, tmp_path, "check", "--offline", "--json").document["problems"]
    [problem] = [each["problem"] for each in problems if each["subject"] == "database"]
    assert problem.endswith("run `python -m app migrate`.")
    found = _run(database, servers, tmp_path, "migrate", "--check", "--json")
    assert (found.code, found.document["is_missing"]) == (1, True)
    listed = _run(database, servers, tmp_path, "replies", "list")
    assert listed.code == 1
    assert listed.err.startswith("Error: The database's schema is at revision")
    assert listed.err.count("\n") == 1

    migrated = _run(database, servers, tmp_path, "migrate", "--json")
    assert (migrated.code, migrated.document["revision"]) == (0, head)
    assert database.value("SELECT version_num FROM alembic_version") == head
    again = _run(database, servers, tmp_path, "migrate")
    assert (again.code, again.out) == (0, f"The database is at {head}: nothing to do.\n")
    assert _run(database, servers, tmp_path, "migrate", "--check").code == 0


def test_two_migrations_at_once_run_one_after_the_other(
    database: Database, servers: Servers, tmp_path: Path
) -> None:
    with ThreadPoolExecutor() as pool:
        done = list(pool.map(lambda _: _run(database, servers, tmp_path, "migrate"), range(2)))
    assert [each.code for each in done] == [0, 0], done
    assert database.value("SELECT version_num FROM alembic_version") == Revisions.of_this_code().head


def test_a_pooler_that_no_setting_names_is_found(
    database: Database, servers: Servers, tmp_path: Path
) -> None:
    """Red without the detection in the check."""
    alembic(database.url, "upgrade", "head")
    with pgbouncer(database.url) as url:
        env = {"DATABASE_URL": url, "REDIS_URL": servers.redis_url}
        found = run("check", "--offline", "--json", env=env, folder=tmp_path).document["problems"]
        [problem] = [each["problem"] for each in found if each["subject"] == "database"]
        assert problem.endswith("set DATABASE_POOLER=transaction.")
        named = {**env, "DATABASE_POOLER": "transaction"}
        right = run("check", "--offline", "--json", env=named, folder=tmp_path).document
        assert "database" not in [each["subject"] for each in right["problems"]]
        assert run("keys", "list", "--json", env=named, folder=tmp_path).document == {"keys": []}


def test_an_unreachable_database_is_one_sentence(servers: Servers, tmp_path: Path) -> None:
    nowhere = Database(f"postgresql://app:geheim@127.0.0.1:{free_port()}/app")
    failed = _run(nowhere, servers, tmp_path, "migrate")
    assert (failed.code, failed.out) == (1, "")
    assert failed.err.startswith("Error: The database cannot be reached: ")
    assert failed.err.count("\n") == 1
    assert "geheim" not in failed.err
