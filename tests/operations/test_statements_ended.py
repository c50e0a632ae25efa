"""The server ends statements without a caller; until then they occupy their slot in the pool."""

import asyncio
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest

from app.config import PostgresAddress
from app.database.connector import Connector
from tests.conftest import Servers
from tests.support.database import Database
from tests.support.stack import Stack
from tests.support.user import User, problem
from tests.support.waiting import eventually

pytestmark = pytest.mark.server_version

_ENDED_WITHIN_SECONDS = 5.0
_AT_ONCE = 6


@contextmanager
def _locked(stack: Stack) -> Iterator[None]:
    """Lock the table of messages, so that statements wait."""
    with psycopg.connect(stack.database.url) as connection:
        connection.execute("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")
        yield
        connection.rollback()


def _waiting(stack: Stack) -> int:
    return len(
        stack.database.rows(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
    )


def _post(user: User, room: str) -> None:
    answer = user.post(room, "Nobody waits for this", Prefer="respond-async")
    problem(answer, 503, "service_unavailable")


def test_the_server_ends_a_statement_whose_caller_timed_out(own_stack: Stack) -> None:
    """Red without a limit in the server: they wait on, and store their messages."""
    users = [own_stack.user() for _ in range(_AT_ONCE)]
    rooms = [user.open_room() for user in users]
    with _locked(own_stack):
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            list(threads.map(_post, users, rooms))
        eventually(
            lambda: _waiting(own_stack) == 0, what="the end of the statements", seconds=_ENDED_WITHIN_SECONDS
        )
    assert own_stack.database.value("SELECT count(*) FROM messages") == 0
    assert users[0].post(rooms[0], "Now", Prefer="respond-async").status_code == 202


def test_the_server_ends_a_statement_whose_process_is_stopped(own_stack: Stack) -> None:
    """Red without a time limit in the server: a stopped process cuts nothing off."""
    user = own_stack.user()
    room = user.open_room()
    api = next(process for process in own_stack.processes if process.name == "api")
    with ThreadPoolExecutor(1) as thread:
        with _locked(own_stack):
            posting = thread.submit(_post, user, room)
            eventually(lambda: _waiting(own_stack) == 1, what="a statement that waits")
            api.send(signal.SIGSTOP)
            try:
                eventually(
                    lambda: _waiting(own_stack) == 0, what="its end", seconds=2 * _ENDED_WITHIN_SECONDS
                )
            finally:
                api.send(signal.SIGCONT)
        posting.result()


def test_the_server_ends_a_transaction_whose_process_is_stopped(own_stack: Stack) -> None:
    """Red without its time limit: a frozen worker keeps its replies locked against other workers."""

    async def stand_still() -> None:
        address = PostgresAddress.parse(own_stack.database.url)
        connection = await Connector(address, seconds=5, is_pooled=False, statement_seconds=1).connect()
        try:
            await connection.execute("BEGIN")
            await connection.execute("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")
            await asyncio.to_thread(own_stack.database.rows, "SELECT count(*) FROM messages")
        finally:
            connection.terminate()

    asyncio.run(asyncio.wait_for(stand_still(), _ENDED_WITHIN_SECONDS * 4))


def test_the_server_detects_a_disconnected_client(servers: Servers) -> None:
    """Red without its check of clients: a statement without a limit would run to its end."""

    async def leave_in_the_middle() -> int:
        address = PostgresAddress.parse(servers.database_url)
        connection = await Connector(address, seconds=5, is_pooled=False).connect()
        sleeping = asyncio.create_task(connection.execute("SELECT pg_sleep(60)"))
        pid = connection.get_server_pid()
        while not sleeping.done():
            if database.rows("SELECT 1 FROM pg_stat_activity WHERE pid = %s AND state = 'active'", pid):
                connection.terminate()
            await asyncio.wait({sleeping}, timeout=0.05)
        assert sleeping.exception() is not None
        return pid

    database = Database(servers.database_url)
    pid = asyncio.run(leave_in_the_middle())
    eventually(
        lambda: not database.rows("SELECT 1 FROM pg_stat_activity WHERE pid = %s", pid),
        what="the end of the backend",
        seconds=_ENDED_WITHIN_SECONDS,
    )
