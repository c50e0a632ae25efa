"""A dump taken under load is restored into an empty server; everything that it accepted is answered there."""

import os
import subprocess
from pathlib import Path
from typing import LiteralString

import pytest

from devtools.postgres import Postgres
from devtools.throwaway import throwaway_servers
from tests.faults.accounting import settle
from tests.faults.environment import Environment
from tests.faults.ledger import Entry, Ledger
from tests.faults.table import Line
from tests.support.database import Database
from tests.support.stack import Stack, alembic, create_database, drop_database
from tests.support.user import ok

_ACCEPTED_BEFORE = 40
_RESTORABLE = "ALTER FUNCTION message_words(uuid, text) SET search_path = public"
_ONE_MESSAGE: LiteralString = """
WITH someone AS (
    INSERT INTO users (id, mobile_number, created_at)
    VALUES (gen_random_uuid(), '+14155550100', now())
    RETURNING id
),
room AS (
    INSERT INTO chatrooms (id, user_id, title, title_source, model, archived, message_count, last_position,
        bytes_per_token, last_message_at, active_at, created_at, updated_at)
    SELECT gen_random_uuid(), id, 'Room', 'person', 'gemini', false, 1, 1, 4, now(), now(), now(), now()
    FROM someone
    RETURNING id, user_id
)
INSERT INTO messages (id, chatroom_id, user_id, position, role, status, content, created_at, completed_at,
    superseded, attempt, retries, losses)
SELECT gen_random_uuid(), id, user_id, 1, 'user', 'completed', 'Čeština', now(), now(), false, 0, 0, 0
FROM room
"""


def _run(server: Postgres, program: str, *arguments: str) -> None:
    """Run a program of PostgreSQL with the arguments that docs/backup.md names."""
    done = subprocess.run(
        [server.tool(program), *arguments],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _accepted(ledger: Ledger) -> list[Entry]:
    return [entry for entry in ledger.entries if entry.is_accepted]


def _ledger_of_dump(ledger: Ledger, before: list[Entry], restored: Database) -> Ledger:
    """Return the messages that were accepted before the dump, and those that it contains besides."""
    stored = {row["content"] for row in restored.rows("SELECT content FROM messages WHERE role = 'user'")}
    of_dump = Ledger()
    of_dump.entries = [entry for entry in ledger.entries if entry in before or entry.content in stored]
    return of_dump


@pytest.mark.slow
def test_f18_what_was_accepted_before_a_dump_is_answered_on_an_empty_server(
    environment: Environment, tmp_path: Path
) -> None:
    """The restored database starts with an empty Redis. Red when workers only process wake-ups."""
    environment.workers(1)
    user, dump = environment.user(), tmp_path / "dump"
    with environment.load(per_second=20, users=4) as load:
        load.wait_for_more(_ACCEPTED_BEFORE)
        before = _accepted(load.ledger)
        _run(environment.postgres, "pg_dump", "--format=custom", f"--file={dump}", environment.database.url)
        load.wait_for_more(10)
    assert environment.check(load.ledger).accepted > len(before)
    own = {"JWT_SECRET_KEY": environment.stack.settings["JWT_SECRET_KEY"]}
    with throwaway_servers() as (postgres, valkey):
        stack = Stack(database_url=postgres.url("postgres"), redis_url=valkey.url(), folder=tmp_path, **own)
        try:
            _run(postgres, "pg_restore", "--exit-on-error", f"--dbname={stack.database.url}", str(dump))
            unfinished = "SELECT 1 FROM messages WHERE status IN ('pending', 'generating')"
            assert stack.database.rows(unfinished), "every reply had ended before the dump"
            stack.start_sandbox()
            stack.base_url = stack.start_api()
            assert ok(user.at(stack.base_url).http.get("/user/me"))["id"] == user.id
            stack.start_worker()
            account = settle(_ledger_of_dump(load.ledger, before, stack.database), stack.database)
        finally:
            stack.stop()
    environment.lines.append(
        Line("F18 dump restored", "1", account.accepted, account.lost, account.doubled, load.ledger.slowest)
    )
    assert account.accepted >= len(before)
    assert (account.lost, account.doubled, account.failed) == (0, 0, 0), account.remarks


def test_a_dump_of_version_0_2_is_restored_in_the_documented_steps(
    environment: Environment, tmp_path: Path
) -> None:
    """Red in one step: the function that makes a message's words does not find those that it calls."""
    server, dump = environment.postgres, tmp_path / "dump"
    before, after = (create_database(server.url("postgres")) for _ in range(2))
    try:
        alembic(before, "upgrade", "0018")
        Database(before).run(_ONE_MESSAGE)
        _run(server, "pg_dump", "--format=custom", f"--file={dump}", before)
        restore = ("pg_restore", "--exit-on-error", f"--dbname={after}", str(dump))
        _run(server, *restore, "--section=pre-data")
        Database(after).run(_RESTORABLE)
        _run(server, *restore, "--section=data", "--section=post-data")
        alembic(after, "upgrade", "head")
        words = "SELECT id FROM messages WHERE words @@ to_tsquery('simple', 'cestina')"
        assert len(Database(after).rows(words)) == 1
        settings = "SELECT proconfig FROM pg_proc WHERE proname = 'message_words'"
        assert Database(after).value(settings) is None, "each call would set the search path"
    finally:
        drop_database(before)
        drop_database(after)
