"""PostgreSQL frozen: it accepts connections and bytes, and never responds."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psutil

from tests.faults.environment import Environment
from tests.support.waiting import eventually

_MAX_SECONDS = 2.5
_POSTS = 3
_AT_ONCE = 24
_ROUNDS = 3
_POOL = 10 + 2
_MAX_CONNECTIONS = _POOL + 10 + 1
"""Of the API: the pool, connections that opened after their caller's timeout, and one to check backends."""


def _processes(environment: Environment) -> list[psutil.Process]:
    """Return the server and its backends, which are separate process groups."""
    assert environment.postgres.process is not None
    parent = psutil.Process(environment.postgres.process.pid)
    return [parent, *parent.children(recursive=True)]


def test_a_post_is_answered_in_time_while_postgres_is_frozen_and_succeeds_after(
    environment: Environment,
) -> None:
    """Red without the bound on transactions: the POST hangs for as long as the server does.

    Red when waiting requests get slots of timed-out ones: the last request waits for all before it.
    """
    users = [environment.user() for _ in range(_AT_ONCE)]
    rooms = [user.open_room() for user in users]

    def post(number: int) -> float:
        began = time.monotonic()
        answer = users[number].post(rooms[number], f"Frozen {number}", Prefer="respond-async")
        took = time.monotonic() - began
        assert (answer.status_code, answer.json()["code"]) == (503, "service_unavailable")
        assert int(answer.headers["retry-after"]) >= 1
        return took

    server = _processes(environment)
    for process in server:
        process.suspend()
    try:
        slowest = max(post(number) for number in range(_POSTS))
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            slowest = max(slowest, *threads.map(post, range(_AT_ONCE)))
    finally:
        for process in server:
            process.resume()
    assert slowest < _MAX_SECONDS
    environment.workers(1)
    eventually(lambda: users[0].http.get("/user/me").is_success, what="a response that needs the database")
    assert users[0].say(rooms[0], "Thawed")["reply"]["status"] == "completed"


def _connections(environment: Environment) -> set[int]:
    """Return the pids of the API's backends."""
    rows = environment.database.rows(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = '' AND pid <> pg_backend_pid()"
        " AND query NOT LIKE 'LOCK TABLE%%'"
    )
    return {int(str(row["pid"])) for row in rows}


@contextmanager
def _stuck_once_they_wait(environment: Environment) -> Iterator[set[int]]:
    """Suspend every backend that waits for a lock, like one in an uninterruptible operation."""
    stuck: set[int] = set()
    is_over = threading.Event()

    def stop() -> None:
        while not is_over.wait(0.05):
            for row in environment.database.rows(
                "SELECT pid FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            ):
                stuck.add(pid := int(str(row["pid"])))
                psutil.Process(pid).suspend()

    stopping = threading.Thread(target=stop)
    stopping.start()
    try:
        yield stuck
    finally:
        is_over.set()
        stopping.join()
        for pid in stuck:
            psutil.Process(pid).resume()


def test_statements_that_never_end_use_no_more_connections_than_the_pool(
    environment: Environment,
) -> None:
    """Red when a discarded connection is replaced at once: 200 posts used all 100 of the server."""
    environment.workers(0)
    users = [environment.user() for _ in range(_AT_ONCE)]
    rooms = [user.open_room() for user in users]

    def post(number: int) -> float:
        answer = users[number].post(rooms[number], "Stuck", Prefer="respond-async")
        assert answer.status_code == 503
        return answer.elapsed.total_seconds()

    with (
        environment.locked("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE"),
        _stuck_once_they_wait(environment) as stuck,
    ):
        for _ in range(_ROUNDS):
            with ThreadPoolExecutor(_AT_ONCE) as threads:
                assert max(threads.map(post, range(_AT_ONCE))) < _MAX_SECONDS
            assert 1 < len(stuck) <= _POOL
            assert len(_connections(environment)) <= _MAX_CONNECTIONS
    eventually(
        lambda: users[0].post(rooms[0], "Free", Prefer="respond-async").status_code == 202,
        what="an accepted message",
        seconds=10,
    )
