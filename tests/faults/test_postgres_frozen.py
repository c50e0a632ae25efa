"""PostgreSQL frozen: it takes connections and bytes, and answers nothing."""

import time
from concurrent.futures import ThreadPoolExecutor

import psutil

from tests.faults.bench import Bench
from tests.support.waiting import eventually

_AT_MOST_SECONDS = 2.5
_POSTS = 3
_AT_ONCE = 24


def _processes(bench: Bench) -> list[psutil.Process]:
    """The server and what it forked, each in a process group of its own."""
    assert bench.postgres.process is not None
    parent = psutil.Process(bench.postgres.process.pid)
    return [parent, *parent.children(recursive=True)]


def test_a_post_is_answered_in_time_while_postgres_is_frozen_and_works_again_after(bench: Bench) -> None:
    """Red without the bound on transactions: the POST hangs for as long as the server does.

    Red with a line that also moves for those that were cut off: the last of it wait for all before them.
    """
    people = [bench.person() for _ in range(_AT_ONCE)]
    rooms = [person.open_room() for person in people]

    def post(number: int) -> float:
        began = time.monotonic()
        answer = people[number].post(rooms[number], f"Frozen {number}", Prefer="respond-async")
        took = time.monotonic() - began
        assert (answer.status_code, answer.json()["code"]) == (503, "service_unavailable")
        assert int(answer.headers["retry-after"]) >= 1
        return took

    server = _processes(bench)
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
    bench.workers(1)
    eventually(lambda: people[0].http.get("/user/me").is_success, what="an answer that needs the database")
    assert people[0].say(rooms[0], "Thawed")["reply"]["status"] == "completed"
