"""A worker decides in batches which rooms of an earlier version follow the default model."""

import uuid
from collections.abc import Iterator

import psycopg
import pytest

from tests.conftest import Servers
from tests.support.database import Database
from tests.support.stack import Stack, alembic, create_database, drop_database
from tests.support.user import ok
from tests.support.waiting import eventually

_DEFAULT, _OTHER = "gemini-3.8-flash", "gemini-2.5-pro"
_ROOMS = 2_500
"""More than two batches."""
_INSERT = (
    "INSERT INTO chatrooms (id, user_id, title_source, model, archived, message_count, last_position,"
    " bytes_per_token, active_at, created_at, updated_at)"
    " SELECT gen_random_uuid(), %s, 'none',"
    " CASE n %% 10 WHEN 0 THEN 'gemini-2.5-pro' ELSE 'gemini-3.8-flash' END,"
    " false, 0, 0, 4, now(), now(), now() FROM generate_series(1, %s) AS n"
)
_COUNTS = "SELECT follows_default, model, count(*) FROM chatrooms GROUP BY 1, 2 ORDER BY 1, 2"
_IS_RETIRED = (
    "SELECT next_run_at > now() + interval '1 year' AS is_retired FROM periodic_jobs"
    " WHERE name = 'room_models'"
)


@pytest.fixture
def database(servers: Servers) -> Iterator[Database]:
    url = create_database(servers.database_url)
    yield Database(url)
    drop_database(url)


def _counts(database: Database) -> dict[tuple[object, object], object]:
    return {(row["follows_default"], row["model"]): row["count"] for row in database.rows(_COUNTS)}


def _run_again(stack: Stack) -> None:
    stack.database.run("UPDATE periodic_jobs SET next_run_at = now() WHERE name = 'room_models'")


def test_the_migration_leaves_all_rooms_undecided_and_is_reversible(database: Database) -> None:
    alembic(database.url, "upgrade", "0013")
    user = uuid.uuid4()
    database.run("INSERT INTO users (id, mobile_number, created_at) VALUES (%s, '+15005550006', now())", user)
    database.run(_INSERT, user, 10)
    alembic(database.url, "upgrade", "0016")
    assert _counts(database) == {(None, _DEFAULT): 9, (None, _OTHER): 1}
    alembic(database.url, "downgrade", "0013")
    models = database.rows("SELECT model, count(*) FROM chatrooms GROUP BY 1 ORDER BY 1")
    assert [(row["model"], row["count"]) for row in models] == [(_OTHER, 1), (_DEFAULT, 9)]
    alembic(database.url, "upgrade", "0016")
    assert _counts(database) == {(None, _DEFAULT): 9, (None, _OTHER): 1}


def test_rooms_with_the_default_model_follow_it(own_stack: Stack) -> None:
    """In several batches. A locked room is skipped, and delays neither other rooms nor the run."""
    user, earlier = own_stack.user(), own_stack.user()
    own_stack.database.run(_INSERT, uuid.UUID(earlier.id), _ROOMS)
    named_since = user.open_room(model=_DEFAULT)
    [busy] = own_stack.database.rows(
        "SELECT id FROM chatrooms WHERE model = %s AND follows_default IS NULL LIMIT 1", _DEFAULT
    )
    most = _ROOMS * 9 // 10
    with psycopg.connect(own_stack.database.url) as holder:
        holder.execute("SELECT FROM chatrooms WHERE id = %s FOR UPDATE", [busy["id"]])
        worker = own_stack.start_worker()
        expected = {
            (None, _DEFAULT): 1,
            (True, _DEFAULT): most - 1,
            (False, _OTHER): _ROOMS // 10,
            (False, _DEFAULT): 1,
        }
        eventually(lambda: _counts(own_stack.database) == expected, what="all rooms but the busy one")
    assert own_stack.database.value(_IS_RETIRED) is False
    _run_again(own_stack)
    eventually(lambda: (None, _DEFAULT) not in _counts(own_stack.database), what="the last room")
    assert own_stack.database.value(_IS_RETIRED) is False
    _run_again(own_stack)
    eventually(lambda: own_stack.database.value(_IS_RETIRED), what="the end of the job")
    assert ok(user.http.get(f"/chatroom/{named_since}"))["model"] == _DEFAULT
    assert ok(earlier.http.get(f"/chatroom/{busy['id']}"))["model"] is None
    worker.kill()


def test_a_new_database_has_nothing_to_decide(own_stack: Stack) -> None:
    worker = own_stack.start_worker()
    eventually(
        lambda: own_stack.database.rows(_IS_RETIRED) == [{"is_retired": True}], what="the end of the job"
    )
    assert '"periodic_job_failed"' not in worker.log
    worker.kill()
