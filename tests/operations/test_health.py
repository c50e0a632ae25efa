"""/health reports failures, never hangs, and stays right under load."""

import contextlib
import subprocess
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from devtools.throwaway import throwaway_servers
from tests.support.others import others_waiting
from tests.support.raw_http import connected, read_status
from tests.support.stack import Stack
from tests.support.user import Json, client
from tests.support.waiting import eventually


def _health(address: str) -> tuple[int, Json]:
    answer = httpx.get(f"{address}/health", timeout=10, trust_env=False)
    return answer.status_code, answer.json()


def _database_status(address: str) -> str:
    return str(_health(address)[1]["checks"]["database"]["status"])


@contextlib.contextmanager
def _monitored(address: str) -> Iterator[Counter[str]]:
    """Run a monitor that requests it continuously; yields the counts of its results."""
    results, is_over = Counter[str](), threading.Event()

    def ask() -> None:
        while not is_over.wait(0.1):
            try:
                results[_health(address)[1]["status"]] += 1
            except httpx.TransportError as error:
                results[type(error).__name__] += 1

    monitor = threading.Thread(target=ask)
    monitor.start()
    try:
        yield results
    finally:
        is_over.set()
        monitor.join()


def test_500_health_checks_at_once_do_not_make_it_unhealthy(stack: Stack) -> None:
    """Red when each request runs a check: they wait for connections, and most get `unhealthy`."""
    address = stack.start_api()
    question = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    statuses = Counter[int]()
    with (
        others_waiting(stack, at=address) as others,
        _monitored(address) as results,
        contextlib.ExitStack() as held,
    ):
        asking = [held.enter_context(connected(address)) for _ in range(500)]
        for _ in range(4):
            for connection in asking:
                connection.sendall(question)
            for connection in asking:
                statuses[read_status(connection)] += 1
    stack.processes[-1].stop()
    assert statuses == {200: 2000}
    assert results.keys() == {"healthy"}
    others.assert_served_within(4.0)


def test_a_disconnect_of_the_first_caller_does_not_cancel_the_check(stack: Stack) -> None:
    """Red when the shared check belongs to one request and is cancelled with it."""
    address = stack.start_api()
    for _ in range(20):
        with connected(address) as connection:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert _health(address)[1]["status"] == "healthy"
    stack.processes[-1].stop()


def test_a_read_only_database_is_unhealthy(own_stack: Stack) -> None:
    """Red when the check only reads. A standby is read-only in the same way."""
    name = own_stack.database.url.rpartition("/")[2]
    own_stack.database.run(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    address = own_stack.start_api()
    status, body = _health(address)
    assert (status, body["status"]) == (503, "unhealthy")
    assert body["checks"]["database"]["status"] == "read_only"
    with client(address) as anyone:
        assert int(anyone.get("/health").headers["retry-after"]) >= 1


def test_processes_recover_when_a_database_accepts_writes_again(own_stack: Stack) -> None:
    """As after a failover. Red when connections to the read-only server stay in the pool, also of checks."""
    name = own_stack.database.url.rpartition("/")[2]
    user = own_stack.user()
    own_stack.database.run(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    own_stack.database.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    eventually(lambda: user.http.post("/chatroom").status_code == 503, what="a refused write")
    eventually(lambda: _health(own_stack.base_url)[0] == 503, what="`unhealthy`")
    with psycopg.connect(own_stack.database.url.rpartition("/")[0] + "/postgres", autocommit=True) as other:
        other.execute(SQL("ALTER DATABASE {} RESET default_transaction_read_only").format(Identifier(name)))
    eventually(lambda: _health(own_stack.base_url)[0] == 200, seconds=10, what="a usable database")
    eventually(lambda: user.http.post("/chatroom").status_code == 201, seconds=10, what="a write")


def test_a_reply_that_has_waited_for_more_than_a_minute_is_degraded(own_stack: Stack) -> None:
    """Red when the check ignores the oldest reply: workers are alive but process nothing."""
    own_stack.start_worker("--pool=solo")
    user = own_stack.user()
    room = user.open_room()
    user.post(room, "[sandbox:wait=40] The room is busy", Prefer="respond-async")
    waiting = user.post(room, "Who waits", Prefer="respond-async").json()["reply"]
    eventually(lambda: _health(own_stack.base_url)[1]["status"] == "healthy", what="a healthy service")
    own_stack.database.run(
        "UPDATE messages SET queued_at = now() - interval '2 minutes' WHERE id = %s", waiting["id"]
    )
    eventually(lambda: _health(own_stack.base_url)[1]["status"] == "degraded", seconds=5, what="`degraded`")
    status, body = _health(own_stack.base_url)
    assert status == 200
    assert body["checks"]["queue"]["workers"] == 1
    assert body["checks"]["queue"]["oldest_pending_seconds"] > 100


@contextlib.contextmanager
def _small_disk(mebibytes: int) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="small-disk-"))  # accessible to the servers' own user
    folder.chmod(0o711)
    size = f"size={mebibytes}m,mode=777"
    mount = ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)]
    is_mounted = subprocess.run(mount, check=False, capture_output=True).returncode == 0
    try:
        if not is_mounted:
            pytest.skip("only root can make a small disk")
        yield folder
    finally:
        if is_mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)  # noqa: S607  # any umount
        folder.rmdir()


def test_a_full_database_is_unhealthy_until_it_has_room(tmp_path: Path) -> None:
    """Red when the check writes nothing: it reports healthy while every message is 503."""
    with (
        _small_disk(160) as disk,
        throwaway_servers(disk) as (postgres, valkey),
    ):
        product = Stack(database_url=postgres.url("postgres"), redis_url=valkey.url(), folder=tmp_path)
        with product.running() as stack:
            assert _database_status(stack.base_url) == "up"
            ballast = disk / "ballast"
            with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
                while True:
                    file.write(bytes(4096))
            eventually(lambda: _database_status(stack.base_url) == "full", seconds=10, what="`full`")
            assert _health(stack.base_url)[0] == 503
            ballast.unlink()
            eventually(lambda: _database_status(stack.base_url) == "up", seconds=10, what="`up`")
