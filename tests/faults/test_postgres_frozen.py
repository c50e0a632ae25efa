"""PostgreSQL frozen: it takes connections and bytes, and answers nothing."""

import time

import psutil

from tests.faults.bench import Bench
from tests.support.waiting import eventually

_AT_MOST_SECONDS = 2.5
_POSTS = 6


def _processes(bench: Bench) -> list[psutil.Process]:
    """The server and what it forked, each in a process group of its own."""
    assert bench.postgres.process is not None
    parent = psutil.Process(bench.postgres.process.pid)
    return [parent, *parent.children(recursive=True)]


def test_a_post_is_answered_in_time_while_postgres_is_frozen_and_works_again_after(bench: Bench) -> None:
    """Red without the bound on transactions: the POST hangs for as long as the server does."""
    person = bench.person()
    room = person.open_room()
    slowest = 0.0
    server = _processes(bench)
    for process in server:
        process.suspend()
    try:
        for number in range(_POSTS):
            began = time.monotonic()
            answer = person.post(room, f"Frozen {number}", Prefer="respond-async")
            slowest = max(slowest, time.monotonic() - began)
            assert (answer.status_code, answer.json()["code"]) == (503, "service_unavailable")
            assert int(answer.headers["retry-after"]) >= 1
    finally:
        for process in server:
            process.resume()
    assert slowest < _AT_MOST_SECONDS
    bench.workers(1)
    eventually(lambda: person.http.get("/user/me").is_success, what="an answer that needs the database")
    assert person.say(room, "Thawed")["reply"]["status"] == "completed"
