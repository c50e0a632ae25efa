"""Several API processes behind one port: each scrape contains all of them, whichever answers."""

import os
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from prometheus_client.mmap_dict import MmapedDict

from devtools.ports import free_port
from tests.support.metrics import Metrics
from tests.support.process import Process
from tests.support.stack import Stack
from tests.support.waiting import eventually

_ROUTE = "/health/live"
_COUNT = {"method": "GET", "route": _ROUTE, "status": "200"}


@contextmanager
def _running(stack: Stack, folder: Path, *options: str, **settings: str) -> Iterator[tuple[Process, str]]:
    """Run an API with these options of uvicorn, and its temporary files in this folder."""
    folder.mkdir(exist_ok=True)
    port = free_port()
    arguments = ("app.main:app", "--port", str(port), *options)
    process = stack.start("api", "uvicorn", *arguments, TMPDIR=str(folder), **settings)
    try:
        address = f"http://127.0.0.1:{port}"
        eventually(lambda: _answers(address), what="the API")
        yield process, address
    finally:
        process.stop()  # a killed parent would leave its children


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/", trust_env=False).is_success
    except httpx.TransportError:
        return False


def _request(address: str, times: int) -> None:
    """Send requests, each on a connection of its own, so that any process may get it."""
    for _ in range(times):
        assert httpx.get(f"{address}{_ROUTE}", trust_env=False).is_success


def _directory(folder: Path) -> Path:
    [found] = folder.glob("chat-metrics-*")
    return found


def _processes_that_counted(folder: Path) -> list[int]:
    """Return the ids of the processes that have counted a request of these tests."""
    return [
        int(file.stem.rpartition("_")[2])
        for file in _directory(folder).glob("counter_*[0-9].db")
        for key, value, _, _ in MmapedDict.read_all_values_from_file(str(file))
        if _ROUTE in key and value
    ]


def _file_owners(folder: Path) -> set[str]:
    return {file.stem.rpartition("_")[2] for file in _directory(folder).glob("counter_*[0-9].db")}


def _wait_for_another(folder: Path, seen: set[str]) -> set[str]:
    """Wait for a process that has not been seen, until it has merged the files of those before it."""

    def others() -> set[str]:
        owners = _file_owners(folder)
        return owners if not owners & seen else set()

    return eventually(others, what="another process")


def _counted(address: str, stack: Stack) -> set[float]:
    """Return the count of twelve scrapes."""
    return {Metrics(address, stack).value("chat_http_requests_total", **_COUNT) for _ in range(12)}


@pytest.mark.parametrize(
    ("options", "settings"),
    [(("--workers", "2"), {}), ((), {"WEB_CONCURRENCY": "2"})],
    ids=["option", "variable"],
)
def test_every_scrape_has_the_requests_of_all_processes(
    stack: Stack, tmp_path: Path, options: tuple[str, ...], settings: dict[str, str]
) -> None:
    """Red when each process exposes its own counters: scrapes differ, and counters seem to fall."""
    folder = tmp_path / "tmp"
    with _running(stack, folder, *options, **settings) as (_, address):
        sent = 0

        def have_both_answered() -> bool:
            nonlocal sent
            _request(address, 20)
            sent += 20
            return len(_processes_that_counted(folder)) == 2

        eventually(have_both_answered, what="requests at both processes")
        assert _counted(address, stack) == {sent}
        metrics = Metrics(address, stack)
        assert metrics.value("chat_http_request_duration_seconds_count", route=_ROUTE) == sent
        assert metrics.value("chat_database_connections_max") == 20
        assert metrics.value("http_requests_total", **_COUNT) == sent
        assert stat.S_IMODE(_directory(folder).stat().st_mode) == 0o700


def test_a_killed_process_loses_no_count_and_leaves_no_gauge(stack: Stack, tmp_path: Path) -> None:
    """Red when the counts of a process end with it, or its gauges stay."""
    folder = tmp_path / "tmp"
    with _running(stack, folder, "--workers", "2") as (parent, address):
        _request(address, 40)
        eventually(lambda: Metrics(address, stack).value("chat_database_connections_max") == 20, what="both")
        before = Metrics(address, stack)
        cpu = before.value("process_cpu_seconds_total")
        victim = _processes_that_counted(folder)[0]
        parent.send(signal.SIGSTOP)  # starts no other process meanwhile
        os.kill(victim, signal.SIGKILL)
        eventually(
            lambda: Metrics(address, stack).value("chat_database_connections_max") == 10,
            what="the gauges of one process",
        )
        assert _counted(address, stack) == {40}
        parent.send(signal.SIGCONT)
        eventually(
            lambda: Metrics(address, stack).value("chat_database_connections_max") == 20, what="a new one"
        )
        assert _counted(address, stack) == {40}
        _request(address, 40)
        assert _counted(address, stack) == {80}
        assert Metrics(address, stack).value("process_cpu_seconds_total") >= cpu


def test_reloads_keep_the_counts_in_few_files(stack: Stack, tmp_path: Path) -> None:
    """Red when the files of each former process stay: they would fill the disk of a developer."""
    folder, code = tmp_path / "tmp", tmp_path / "code"
    code.mkdir()
    (code / "changed.py").touch()
    with _running(stack, folder, "--reload", "--reload-dir", str(code)) as (_, address):
        _request(address, 5)
        numbers, seen = [], _file_owners(folder)
        for reload in range(1, 5):
            (code / "changed.py").write_text(f"# {reload}\n")
            seen |= _wait_for_another(folder, seen)
            assert _counted(address, stack) == {5}
            numbers.append(len(list(_directory(folder).iterdir())))
        assert numbers[0] == numbers[-1], numbers


def test_the_next_start_removes_what_the_one_before_has_left(stack: Stack, tmp_path: Path) -> None:
    folder = tmp_path / "tmp"
    with _running(stack, folder, "--workers", "2"):
        first = _directory(folder)
    with _running(stack, folder, "--workers", "2") as (_, address):
        with _running(stack, folder, "--workers", "2"):
            assert len(list(folder.glob("chat-metrics-*"))) == 2  # the other one is in use
        assert not first.exists()
        _request(address, 3)
        assert _counted(address, stack) == {3}


def test_a_directory_of_the_operator_is_used(stack: Stack, tmp_path: Path) -> None:
    folder, given = tmp_path / "tmp", tmp_path / "given"
    settings = {"PROMETHEUS_MULTIPROC_DIR": str(given)}
    with _running(stack, folder, "--workers", "2", **settings) as (_, address):
        _request(address, 20)
        assert _counted(address, stack) == {20}
    assert list(given.glob("counter_*.db"))
    assert not list(given.glob("gauge_*.db"))  # each process has removed its own
    assert not list(folder.glob("chat-metrics-*"))


def test_without_a_directory_each_process_counts_alone_and_says_so(stack: Stack, tmp_path: Path) -> None:
    """Red when the API does not start because metrics cannot be shared."""
    nowhere = {"PROMETHEUS_MULTIPROC_DIR": "/dev/null/metrics"}
    with _running(stack, tmp_path / "tmp", "--workers", "2", **nowhere) as (process, address):
        _request(address, 3)
        assert Metrics(address, stack).has("chat_messages_accepted_total")
        assert '"metrics_not_shared"' in process.log


def test_one_process_writes_no_files(stack: Stack, tmp_path: Path) -> None:
    folder = tmp_path / "tmp"
    with _running(stack, folder) as (_, address):
        _request(address, 3)
        assert _counted(address, stack) == {3}
        assert not list(folder.glob("chat-metrics-*"))
