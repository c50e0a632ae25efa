"""PostgreSQL frozen: it takes connections and bytes, and answers nothing."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psutil

from tests.faults.environment import Environment
from tests.support.waiting import eventually

_AT_MOST_SECONDS = 2.5
_POSTS = 3
_AT_ONCE = 24
_ROUNDS = 3
_POOL = 10 + 2
_MOST_CONNECTIONS = _POOL + 10 + 1
"""Of the API: with those that opened too late for their caller, and one that asks what goes on."""


def _processes(environment: Environment) -> list[psutil.Process]:
    """The server and what it forked, each in a process group of its own."""
    assert environment.postgres.process is not None
    parent = psutil.Process(environment.postgres.process.pid)
    return [parent, *parent.children(recursive=True)]


def test_a_post_is_answered_in_time_while_postgres_is_frozen_and_works_again_after(
    environment: Environment,
) -> None:
    """Red without the bound on transactions: the POST hangs for as long as the server does.

    Red with a line that also moves for those that were cut off: the last of it wait for all before them.
    """
    people = [environment.person() for _ in range(_AT_ONCE)]
    rooms = [person.open_room() for person in people]

    def post(number: int) -> float:
        began = time.monotonic()
        answer = people[number].post(rooms[number], f"Frozen {number}", Prefer="respond-async")
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
    assert slowest < _AT_MOST_SECONDS
    environment.workers(1)
    eventually(lambda: people[0].http.get("/user/me").is_success, what="an answer that needs the database")
    assert people[0].say(rooms[0], "Thawed")["reply"]["status"] == "completed"


def _connections(environment: Environment) -> set[int]:
    """The backends that belong to the API."""
    rows = environment.database.rows(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = '' AND pid <> pg_backend_pid()"
        " AND query NOT LIKE 'LOCK TABLE%%'"
    )
    return {int(str(row["pid"])) for row in rows}


@contextmanager
def _stuck_once_they_wait(environment: Environment) -> Iterator[set[int]]:
    """Stop every backend that waits for a lock, as if it were in something that nothing interrupts."""
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


def test_statements_that_nothing_ends_take_no_more_connections_than_the_pool_has(
    environment: Environment,
) -> None:
    """Red when a connection that was cut off is replaced at once: 200 posts took all 100 of the server."""
    environment.workers(0)
    people = [environment.person() for _ in range(_AT_ONCE)]
    rooms = [person.open_room() for person in people]

    def post(number: int) -> float:
        answer = people[number].post(rooms[number], "Stuck", Prefer="respond-async")
        assert answer.status_code == 503
        return answer.elapsed.total_seconds()

    with (
        environment.locked("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE"),
        _stuck_once_they_wait(environment) as stuck,
    ):
        for _ in range(_ROUNDS):
            with ThreadPoolExecutor(_AT_ONCE) as threads:
                assert max(threads.map(post, range(_AT_ONCE))) < _AT_MOST_SECONDS
            assert 1 < len(stuck) <= _POOL
            assert len(_connections(environment)) <= _MOST_CONNECTIONS
    eventually(
        lambda: people[0].post(rooms[0], "Free", Prefer="respond-async").status_code == 202,
        what="a message that is accepted",
        seconds=10,
    )
