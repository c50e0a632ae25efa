"""Migration of search terms: resumable, without table locks, while an earlier version writes."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import LiteralString
from uuid import UUID, uuid4

import psycopg
import pytest

from app.migrations import Revisions
from app.models.base import new_id
from tests.conftest import Servers
from tests.support.database import Database
from tests.support.pgbouncer import pgbouncer
from tests.support.process import ROOT, Process
from tests.support.stack import Stack, alembic, create_database, drop_database
from tests.support.user import User, client, ok, some_number
from tests.support.waiting import eventually

_REVISION = "0014"
_USER: LiteralString = """
INSERT INTO users (id, mobile_number, verified_at, created_at) VALUES (%s, %s, now(), now())
"""
_ROOM: LiteralString = """
INSERT INTO chatrooms (id, user_id, title, title_source, model, archived, message_count, last_position,
    bytes_per_token, last_message_at, active_at, created_at, updated_at)
VALUES (%s, %s, 'Room', 'person', 'gemini-2.5-flash', false, 0, 0, 4, now(), now(), now(), now())
"""
_MESSAGE: LiteralString = """
INSERT INTO messages (id, chatroom_id, user_id, position, role, status, content, created_at, superseded,
    attempt, retries, losses)
VALUES (%s, %s, %s, %s, 'user', 'completed', %s, now(), false, 0, 0, 0)
"""
_WITHOUT_FORM: LiteralString = (
    "SELECT count(*) FROM messages WHERE content LIKE 'Caf_ %%' AND NOT words @@ '''cafe'''::tsquery"
)
_VERSION: LiteralString = "SELECT version_num FROM alembic_version"
_HEAD = Revisions.of_this_code().head
_IS_MIGRATED: LiteralString = "SELECT to_regproc('search_folded') IS NOT NULL"


class _Old:
    """A database of the previous version, with a user who writes as that version does."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.database = Database(url)
        self.user, self.room, self.number = uuid4(), uuid4(), some_number()
        self.position = 0
        alembic(url, "upgrade", _REVISION)
        alembic(url, "downgrade", "-1")
        self.database.run(_USER, self.user, self.number)
        self.database.run(_ROOM, self.room, self.user)

    def message(self, content: str) -> tuple[UUID, UUID, UUID, int, str]:
        """Return the values of a new message."""
        self.position += 1
        return new_id(), self.room, self.user, self.position, content

    def say(self, *contents: str) -> list[UUID]:
        """Store messages, and return their ids."""
        messages = [self.message(content) for content in contents]
        with psycopg.connect(self.url) as connection:
            connection.cursor().executemany(_MESSAGE, messages)
        return [message[0] for message in messages]

    def without_form(self) -> object:
        """Return how many messages lack the form without accents."""
        return self.database.value(_WITHOUT_FORM)

    def is_done(self) -> bool:
        """Whether all messages have their new terms."""
        return self.database.value("SELECT to_regclass('search_remake') IS NULL") is True


@pytest.fixture
def old(servers: Servers) -> Iterator[_Old]:
    url = create_database(servers.database_url)
    try:
        yield _Old(url)
    finally:
        drop_database(url)


def _sign_in(base_url: str, number: str) -> User:
    with client(base_url) as anyone:
        code = ok(anyone.post("/auth/send-otp", json={"mobile_number": number}))["otp"]
        tokens = ok(anyone.post("/auth/verify-otp", json={"mobile_number": number, "otp": code}))
    return User(base_url, number, tokens)


def _hits(user: User, q: str) -> int:
    return len(ok(user.http.get("/chatroom/search", params={"q": q}))["hits"])


def _upgrade(old: _Old, folder: Path, url: str = "", revision: str = _REVISION) -> Process:
    arguments = ("-c", str(ROOT / "alembic.ini"), "upgrade", revision)
    env = {"DATABASE_URL": url or old.url}
    return Process("alembic", "alembic", *arguments, env=env, log=folder / "alembic.log")


def test_old_messages_are_found_before_during_and_after_the_migration(
    servers: Servers, tmp_path: Path
) -> None:
    """Red when the migration only replaces the function, and when a search uses new forms only."""
    product = Stack(database_url=servers.database_url, redis_url=servers.redis_url, folder=tmp_path)
    product.settings["CELERY_BROKER_URL"] = servers.redis_url.rpartition("/")[0] + "/9"
    try:
        old = _Old(product.database.url)
        [first, *_] = old.say("Königstraße 5", "كَتَبَ", "Un café", "plain words", "機械学習")
        with psycopg.connect(old.url) as holder:
            holder.execute("SELECT FROM messages WHERE id = %s FOR UPDATE", [first])
            interrupted = _upgrade(old, tmp_path)
            eventually(lambda: old.database.value(_IS_MIGRATED), seconds=60, what="the schema")
            interrupted.kill()
        with psycopg.connect(old.url) as holder:
            # Stops the rest of the work on old messages, and no migration that follows.
            holder.execute("SELECT FROM search_remake FOR UPDATE")
            migration = _upgrade(old, tmp_path, revision="head")
            eventually(lambda: old.database.value(_VERSION) == _HEAD, seconds=60, what="the whole schema")
            product.start_sandbox()
            product.base_url = product.start_api()
            user = _sign_in(product.base_url, old.number)
            assert [_hits(user, q) for q in ("Königstraße", "كَتَبَ", "café", "plain")] == [1, 1, 1, 1]
            assert [_hits(user, q) for q in ("KÖNIGSTRASSE", "cafe")] == [0, 0]
        assert migration.popen.wait(240) == 0, migration.log
        for q in ("KÖNIGSTRASSE", "Königstraße", "كتب", "cafe", "plain", "学習"):
            assert _hits(user, q) == 1, q
    finally:
        product.stop()


def test_only_messages_that_gain_a_form_are_rewritten(old: _Old) -> None:
    """Red when all are: the migration would rewrite a database of English messages completely."""
    old.say("Café one", "plain words", "機械学習 “quoted” 👍", "हिन्दी")
    before = old.database.rows("SELECT content, xmin::text FROM messages ORDER BY id")
    alembic(old.url, "upgrade", _REVISION)
    after = old.database.rows("SELECT content, xmin::text FROM messages ORDER BY id")
    assert [row["content"] for row in before if row not in after] == ["Café one"]
    assert old.is_done()


def test_messages_written_between_downgrade_and_upgrade_are_found(old: _Old) -> None:
    old.say("Café one")
    alembic(old.url, "upgrade", _REVISION)
    alembic(old.url, "downgrade", "-1")
    [former] = old.database.rows("SELECT words @@ '''café'''::tsquery AS is_found FROM messages")
    assert former["is_found"] is True
    old.say("Café two")
    assert old.without_form() == 1
    alembic(old.url, "upgrade", _REVISION)
    assert old.without_form() == 0


def test_a_killed_run_resumes_where_it_stopped(old: _Old, tmp_path: Path) -> None:
    ids = old.say(*(f"Café {number}" for number in range(3_000)))
    with psycopg.connect(old.url) as holder:
        holder.execute("SELECT FROM messages WHERE id = %s FOR UPDATE", [ids[2_000]])
        first = _upgrade(old, tmp_path)
        eventually(lambda: old.without_form() == 1_000, seconds=60, what="all rows before the locked one")
        first.kill()
    assert old.database.value("SELECT version_num FROM alembic_version") == _REVISION
    old.database.run("UPDATE messages SET superseded = true WHERE id = %s", ids[0])
    remade = old.database.rows("SELECT xmin::text FROM messages WHERE id < %s ORDER BY id", ids[2_000])
    alembic(old.url, "upgrade", _REVISION)
    assert old.without_form() == 0
    assert old.is_done()
    again = old.database.rows("SELECT xmin::text FROM messages WHERE id < %s ORDER BY id", ids[2_000])
    assert again == remade


def test_it_blocks_no_writes_and_concurrent_messages_get_all_forms(old: _Old, tmp_path: Path) -> None:
    """Red when it locks the table, and when it does not wait for transactions that began before it."""
    old.say(*(f"Café {number}" for number in range(2_000)))
    slowest = 0.0
    with psycopg.connect(old.url) as earlier, psycopg.connect(old.url, autocommit=True) as writer:
        earlier.execute(_MESSAGE, old.message("Café of a transaction that began before"))
        writer.execute("SET lock_timeout = '1s'")
        migration = _upgrade(old, tmp_path)
        eventually(lambda: old.database.value(_IS_MIGRATED), seconds=60, what="the schema")

        def write() -> None:
            nonlocal slowest
            began = time.monotonic()
            writer.execute(_MESSAGE, old.message("Café meanwhile"))
            slowest = max(slowest, time.monotonic() - began)

        eventually(
            lambda: old.database.value("SELECT writers IS NOT NULL FROM search_remake"), what="the first step"
        )
        for _ in range(20):
            write()
        assert old.without_form() == 2_000
        earlier.commit()
        while migration.popen.poll() is None:
            write()
    assert migration.popen.wait(240) == 0, migration.log
    assert slowest < 1
    assert old.without_form() == 0


def test_it_does_not_wait_for_rows_while_it_holds_locks(old: _Old, tmp_path: Path) -> None:
    """Red when it waits for locked rows: the other transaction fails with a deadlock."""
    ids = old.say("Café one", "Café two", "Café three")
    with psycopg.connect(old.url) as holder:
        holder.execute("SELECT FROM messages WHERE id = %s FOR UPDATE", [ids[2]])
        migration = _upgrade(old, tmp_path)
        eventually(lambda: old.without_form() == 1, what="the rows before the locked one")
        holder.execute("SELECT FROM messages WHERE id = %s FOR UPDATE", [ids[0]])
        assert migration.popen.poll() is None
    assert migration.popen.wait(240) == 0, migration.log
    assert old.without_form() == 0


def test_simultaneous_runs_through_a_pooler_succeed(old: _Old, tmp_path: Path) -> None:
    old.say(*(f"Café {number}" for number in range(3_000)))
    with pgbouncer(old.url) as url, ThreadPoolExecutor() as threads:
        runs = []
        for number in range(3):
            folder = tmp_path / str(number)
            folder.mkdir()
            runs.append(threads.submit(_upgrade(old, folder, f"{url}?pgbouncer=true").popen.wait, 240))
        assert [run.result() for run in runs] == [0, 0, 0]
    assert old.without_form() == 0
    assert old.is_done()
