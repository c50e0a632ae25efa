"""Hundreds of requests at one moment: that takes a while, and nothing is taken for away that is not."""

import os
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.support.person import Person
from tests.support.sessions import give_password
from tests.support.simultaneous_posts import simultaneous_posts
from tests.support.stack import Stack
from tests.support.waiting import eventually

_MANY = 400
_LONGER_THAN_ANY_TIMEOUT_SECONDS = 2.5


def test_a_rush_is_answered_to_the_last_request(stack: Stack) -> None:
    """Red when waiting for a connection is bounded by time alone: the last ones get 503.

    Red when /health stands in line with them: whoever watches it would end a process that is well.
    """
    people = [stack.person() for _ in range(_MANY // 10)]
    rooms = [person.open_room() for person in people]
    for person in people:
        stack.make_pro(person)
    with ThreadPoolExecutor(1) as thread:
        rush = thread.submit(
            simultaneous_posts,
            [f"{stack.base_url}/chatroom/{room}/message" for room in rooms] * 10,
            {"content": "All at once"},
            tokens=[person.tokens["access_token"] for person in people] * 10,
        )
        health = []
        while not rush.done():
            health.append(httpx.get(f"{stack.base_url}/health", timeout=30, trust_env=False))
    kept = set()
    for person, room in zip(people, rooms, strict=True):
        kept.add(person.http.get(f"/chatroom/{room}").json()["message_count"])
        assert person.http.delete(f"/chatroom/{room}").status_code == 204
    assert Counter(status for status, _ in rush.result()) == {202: _MANY}
    assert kept == {20}  # ten of theirs, and a reply to each
    assert {answer.status_code for answer in health} == {200}
    assert {answer.json()["checks"]["redis"]["status"] for answer in health} == {"up"}


def test_a_process_that_slept_does_not_take_redis_and_the_database_for_away(
    stack: Stack, person: Person
) -> None:
    """503 only for a statement or a transaction that the server ended while the process stood still.

    Red with timers that run on meanwhile, and when such a failure fails those that wait behind it, too.
    """
    give_password(person)
    address = stack.start_api()
    process = stack.processes[-1]
    known_keys = set(stack.redis.scan_iter("password_attempts:*"))
    with ThreadPoolExecutor(1) as thread:
        guesses = thread.submit(
            simultaneous_posts,
            [f"{address}/auth/login"] * _MANY,
            {"mobile_number": person.mobile_number, "password": "a guess"},
        )
        eventually(
            lambda: set(stack.redis.scan_iter("password_attempts:*")) - known_keys, what="the first try"
        )
        os.kill(process.popen.pid, signal.SIGSTOP)
        time.sleep(_LONGER_THAN_ANY_TIMEOUT_SECONDS)
        os.kill(process.popen.pid, signal.SIGCONT)
    statuses = Counter(status for status, _ in guesses.result())
    process.kill()
    ended = process.log.count("57014") + process.log.count("25P03")  # by the server, meanwhile
    assert process.log.count("database_unavailable") == ended
    assert statuses[503] <= ended, statuses
    assert set(statuses) <= {401, 429, 503}
    assert statuses[401] <= 6  # the sixth when the first wait was over before the last guess came
    assert "redis_unavailable" not in process.log
