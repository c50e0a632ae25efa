"""/health tells what is wrong, never hangs, and cannot be made to lie by asking."""

import contextlib
import subprocess
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from devtools.throwaway import throwaway_servers
from tests.support.others import others_waiting
from tests.support.person import Json, client
from tests.support.raw_http import connected, read_status
from tests.support.stack import Stack
from tests.support.waiting import eventually


def _health(address: str) -> tuple[int, Json]:
    answer = httpx.get(f"{address}/health", timeout=10, trust_env=False)
    return answer.status_code, answer.json()


def _database_status(address: str) -> str:
    return str(_health(address)[1]["checks"]["database"]["status"])


@contextlib.contextmanager
def _monitored(address: str) -> Iterator[Counter[str]]:
    """A monitor that asks all the time; what it is told."""
    told, is_over = Counter[str](), threading.Event()

    def ask() -> None:
        while not is_over.wait(0.1):
            try:
                told[_health(address)[1]["status"]] += 1
            except httpx.TransportError as error:
                told[type(error).__name__] += 1

    monitor = threading.Thread(target=ask)
    monitor.start()
    try:
        yield told
    finally:
        is_over.set()
        monitor.join()


def test_500_connections_that_ask_cannot_make_it_lie(stack: Stack) -> None:
    """Red when each question is a check: they wait for connections, and most are told `unhealthy`."""
    address = stack.start_api()
    question = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    statuses = Counter[int]()
    with (
        others_waiting(stack, at=address) as others,
        _monitored(address) as told,
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
    assert told.keys() == {"healthy"}
    others.assert_served_within(4.0)


def test_whoever_asked_first_may_leave(stack: Stack) -> None:
    """Red when the shared check is that of one request, and ends with it."""
    address = stack.start_api()
    for _ in range(20):
        with connected(address) as connection:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert _health(address)[1]["status"] == "healthy"
    stack.processes[-1].stop()


def test_a_read_only_database_is_unhealthy(own_stack: Stack) -> None:
    """Red when the check only reads. Read-only by default is what a standby looks like, too."""
    name = own_stack.database.url.rpartition("/")[2]
    own_stack.database.run(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    address = own_stack.start_api()
    status, body = _health(address)
    assert (status, body["status"]) == (503, "unhealthy")
    assert body["checks"]["database"]["status"] == "read_only"
    with client(address) as anyone:
        assert int(anyone.get("/health").headers["retry-after"]) >= 1


def test_a_reply_that_has_waited_for_more_than_a_minute_is_degraded(own_stack: Stack) -> None:
    """Red without a look at the oldest: workers live, and answer nothing."""
    own_stack.start_worker("--pool=solo")
    person = own_stack.person()
    room = person.open_room()
    person.post(room, "[sandbox:wait=40] The room is busy", Prefer="respond-async")
    waiting = person.post(room, "Who waits", Prefer="respond-async").json()["reply"]
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
    folder = Path(tempfile.mkdtemp(prefix="small-disk-"))  # where the servers' own user may walk through
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


def test_a_full_database_is_unhealthy_and_well_again_with_room(tmp_path: Path) -> None:
    """Red when nothing is written for the check: all is well, while every message is 503."""
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
