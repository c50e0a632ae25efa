"""How long the migration of the search's words takes, and how long others wait for it meanwhile.

A million messages, all with accents unless `--accented` says otherwise, are stored by the version before.
While `alembic upgrade` runs, another connection stores a message every few milliseconds. Prints the whole
time, the longest and the median time of an insert, and what the same inserts take afterwards.
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Final, LiteralString
from uuid import uuid4

import psycopg

from app.models.base import new_id
from devtools.throwaway import throwaway_servers
from tests.support.process import ROOT
from tests.support.stack import alembic, create_database

_REVISION: Final = "0014"
_PAUSE_SECONDS: Final = 0.005
_ROOM_SIZE: Final = 1_000

_USER: LiteralString = """
INSERT INTO users (id, mobile_number, verified_at, created_at) VALUES (%s, '+8880000001', now(), now())
"""
_ROOMS: LiteralString = """
INSERT INTO chatrooms (id, user_id, title, title_source, model, archived, message_count, last_position,
    bytes_per_token, last_message_at, active_at, created_at, updated_at)
SELECT gen_random_uuid(), %s, 'Room', 'person', 'gemini-3.8-flash', false, 0, 0, 4, now(), now(), now(), now()
FROM generate_series(1, %s)
"""
_MESSAGES: LiteralString = """
INSERT INTO messages (id, chatroom_id, user_id, position, role, status, content, created_at, superseded,
    attempt, retries, losses)
SELECT gen_random_uuid(), room.id, room.user_id, place, 'user', 'completed',
    CASE WHEN random() < %s THEN 'Où est le café numéro ' ELSE 'Where is the coffee house number ' END
        || place
        || '? Am Rathaus links, dann die Street of the ' || substr(md5(random()::text), 1, 8) || ' entlang. ',
    now(), false, 0, 0, 0
FROM chatrooms AS room, generate_series(1, %s) AS place
"""
_MESSAGE: LiteralString = """
INSERT INTO messages (id, chatroom_id, user_id, position, role, status, content, created_at, superseded,
    attempt, retries, losses)
VALUES (%s, %s, %s, %s, 'user', 'completed', 'Un café écrit entre-temps', now(), false, 0, 0, 0)
"""


def _inserts(connection: psycopg.Connection, position: int, is_going_on: Callable[[], bool]) -> list[float]:
    """Store messages, one after the other, and return how long each took, in milliseconds."""
    [[room, user]] = connection.execute("SELECT id, user_id FROM chatrooms LIMIT 1").fetchall()
    times = []
    while is_going_on():
        began = time.perf_counter()
        connection.execute(_MESSAGE, [new_id(), room, user, position])
        times.append((time.perf_counter() - began) * 1000)
        position += 1
        time.sleep(_PAUSE_SECONDS)
    return times


def _print(name: str, times: list[float]) -> None:
    print(
        f"{name:20} {len(times):6} inserts   median {statistics.median(times):6.1f} ms"
        f"   longest {max(times):7.1f} ms"
    )


def main() -> None:
    """Make the messages, migrate, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--accented", type=float, default=1.0, help="share of messages with accents")
    given = parser.parse_args()
    with throwaway_servers() as (postgres, _):
        url = create_database(postgres.url("postgres"))
        alembic(url, "upgrade", _REVISION)
        alembic(url, "downgrade", "-1")
        with psycopg.connect(url, autocommit=True) as connection:
            user = uuid4()
            connection.execute(_USER, [user])
            connection.execute(_ROOMS, [user, given.messages // _ROOM_SIZE])
            connection.execute(_MESSAGES, [given.accented, _ROOM_SIZE])
            connection.execute("VACUUM (ANALYZE) messages")
            began = time.perf_counter()
            command = [sys.executable, "-m", "alembic", "-c", str(ROOT / "alembic.ini"), "upgrade", _REVISION]
            migration = subprocess.Popen(command, env={"DATABASE_URL": url}, cwd=ROOT)  # noqa: S603  # named here
            times = _inserts(connection, 2 * _ROOM_SIZE, lambda: migration.poll() is None)
            print(f"migration: {time.perf_counter() - began:.1f} s, exit code {migration.returncode}")
            _print("during it", times)
            until = time.perf_counter() + 20
            afterwards = _inserts(connection, 10_000_000, lambda: time.perf_counter() < until)
            _print("afterwards", afterwards)


if __name__ == "__main__":
    main()
