"""Hundreds of simultaneous requests are slow, but no server is considered unavailable."""

import math
import os
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.support.sessions import give_password
from tests.support.simultaneous_posts import simultaneous_posts
from tests.support.stack import Stack
from tests.support.user import User
from tests.support.waiting import eventually

_MANY = 400
_LONGER_THAN_ANY_TIMEOUT_SECONDS = 2.5


def test_every_request_of_an_overload_is_answered(stack: Stack) -> None:
    """Red when the wait for a connection is bounded by time alone: the last requests get 503.

    Red when /health queues behind them: a monitor would restart a healthy process.
    """
    users = [stack.user() for _ in range(_MANY // 10)]
    rooms = [user.open_room() for user in users]
    for user in users:
        stack.make_pro(user)
    with ThreadPoolExecutor(1) as thread:
        rush = thread.submit(
            simultaneous_posts,
            [f"{stack.base_url}/chatroom/{room}/message" for room in rooms] * 10,
            {"content": "All at once"},
            tokens=[user.tokens["access_token"] for user in users] * 10,
        )
        health = []
        while not rush.done():
            health.append(httpx.get(f"{stack.base_url}/health", timeout=30, trust_env=False))
    kept = set()
    for user, room in zip(users, rooms, strict=True):
        kept.add(user.http.get(f"/chatroom/{room}").json()["message_count"])
        assert user.http.delete(f"/chatroom/{room}").status_code == 204
    assert Counter(status for status, _ in rush.result()) == {202: _MANY}
    assert kept == {20}  # ten messages of this user, and a reply to each
    assert {answer.status_code for answer in health} == {200}
    assert {answer.json()["checks"]["redis"]["status"] for answer in health} == {"up"}


def test_a_suspended_process_does_not_consider_redis_or_the_database_unavailable(
    stack: Stack, user: User
) -> None:
    """503 only for a statement or a transaction that the server ended while the process was suspended.

    Red with timers that count the suspension, and when such a failure also fails the requests that wait.
    """
    give_password(user)
    address = stack.start_api()
    process = stack.processes[-1]
    known_keys = set(stack.redis.scan_iter("password_attempts:*"))
    began = time.monotonic()
    with ThreadPoolExecutor(1) as thread:
        guesses = thread.submit(
            simultaneous_posts,
            [f"{address}/auth/login"] * _MANY,
            {"mobile_number": user.mobile_number, "password": "a guess"},
        )
        eventually(
            lambda: set(stack.redis.scan_iter("password_attempts:*")) - known_keys, what="the first try"
        )
        os.kill(process.popen.pid, signal.SIGSTOP)
        time.sleep(_LONGER_THAN_ANY_TIMEOUT_SECONDS)
        os.kill(process.popen.pid, signal.SIGCONT)
    statuses = Counter(status for status, _ in guesses.result())
    seconds = time.monotonic() - began
    process.kill()
    ended = process.log.count("57014") + process.log.count("25P03")  # by the server
    assert process.log.count("database_unavailable") == ended
    assert statuses[503] <= ended, statuses
    assert set(statuses) <= {401, 429, 503}
    # Five, and one more for each wait of 2, 4, 8 … seconds that ended before the last guess was answered.
    assert statuses[401] <= 5 + int(math.log2(seconds / 2 + 1))
    assert "redis_unavailable" not in process.log
