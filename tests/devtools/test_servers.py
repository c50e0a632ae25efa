"""What the embedded servers promise: no data is lost by a hard end, and no server outlives its starter."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import psycopg
import pytest
import redis

from devtools.ports import free_port
from devtools.postgres import Postgres
from devtools.processes import alive, wait_until
from devtools.throwaway import throwaway_servers
from devtools.valkey import Valkey

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
STARTER = """
import sys, time
from devtools.throwaway import throwaway_servers
with throwaway_servers() as (postgres, valkey):
    print(postgres.log.parent.parent, postgres.process.pid, valkey.process.pid, flush=True)
    time.sleep(120)
"""

# Started by a second thread they get no death signal, as on a system that has none.
ABANDON = """
import os, signal, sys, threading
from pathlib import Path
from devtools.ports import free_port
from devtools.postgres import Postgres
from devtools.valkey import Valkey
for server in (Postgres(Path(sys.argv[1]), free_port()), Valkey(Path(sys.argv[1]), free_port())):
    thread = threading.Thread(target=server.start)
    thread.start()
    thread.join()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def servers_home() -> Iterator[Path]:
    home = Path(tempfile.mkdtemp(prefix="servers-test-"))
    home.chmod(0o711)  # when root, the servers run as somebody else
    try:
        yield home
    finally:
        shutil.rmtree(home)


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Postgres, Valkey]]:
    with throwaway_servers() as both:
        both[0].ensure_database("app")
        yield both


def test_postgres_keeps_committed_rows_and_its_address_when_killed(servers: tuple[Postgres, Valkey]) -> None:
    postgres, _ = servers
    address = postgres.url()
    with psycopg.connect(address) as connection:
        connection.execute("create table kept (n int)")
    for number in range(3):
        with psycopg.connect(address) as connection:
            connection.execute("insert into kept values (%s)", [number])
        postgres.kill()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(address)
        postgres.start()
    with psycopg.connect(address) as connection:
        assert connection.execute("select count(*) from kept").fetchone() == (3,)


def test_valkey_keeps_what_was_written_when_killed(servers: tuple[Postgres, Valkey]) -> None:
    _, valkey = servers
    with redis.Redis.from_url(valkey.url()) as client:
        client.set("kept", "yes")
    valkey.kill()
    valkey.start()
    with redis.Redis.from_url(valkey.url(), decode_responses=True) as client:
        assert client.get("kept") == "yes"


def test_erased_server_starts_empty_on_the_same_address(servers: tuple[Postgres, Valkey]) -> None:
    _, valkey = servers
    with redis.Redis.from_url(valkey.url()) as client:
        client.set("forgotten", "yes")
    valkey.stop()
    valkey.erase()
    valkey.start()
    with redis.Redis.from_url(valkey.url()) as client:
        assert client.get("forgotten") is None


def test_servers_want_their_password(servers: tuple[Postgres, Valkey]) -> None:
    postgres, valkey = servers
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(postgres.url().replace(postgres.password, "guess"))
    with (
        redis.Redis(port=valkey.port) as client,
        pytest.raises(redis.AuthenticationError),
    ):
        client.ping()


def test_ensure_database_takes_any_name_and_may_be_repeated(servers: tuple[Postgres, Valkey]) -> None:
    postgres, _ = servers
    for _ in range(2):
        postgres.ensure_database('it\'s "odd"')


def test_stale_pid_file_naming_a_living_process_does_not_keep_postgres_down(
    servers: tuple[Postgres, Valkey],
) -> None:
    postgres, _ = servers
    [pid_file] = postgres.log.parent.parent.glob("postgres/data/postmaster.pid")
    content = pid_file.read_text()
    postgres.kill()
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        pid_file.write_text(content.replace(content.splitlines()[0], str(bystander.pid), 1))
        postgres.start()
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_servers_that_outlived_their_starter_are_ended_by_the_next_start(servers_home: Path) -> None:
    starter = subprocess.run([sys.executable, "-c", ABANDON, servers_home], cwd=ROOT, check=False)
    assert starter.returncode == -signal.SIGKILL
    for server in (Postgres(servers_home, free_port()), Valkey(servers_home, free_port())):
        orphans = server.leftovers()
        assert any(map(alive, orphans))
        server.start()
        assert not any(map(alive, orphans))
        server.stop()
        assert not any(map(alive, server.leftovers()))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of their parent's death")
def test_killed_starter_leaves_no_server_and_the_next_clears_its_folder() -> None:
    starter = subprocess.Popen([sys.executable, "-c", STARTER], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert starter.stdout
    with starter.stdout as stdout:
        folder, *pids = stdout.readline().split()
    orphans = [psutil.Process(int(pid)) for pid in pids]
    starter.kill()
    starter.wait()
    assert wait_until(lambda: not any(map(alive, orphans)), 10)
    assert Path(folder).exists()
    with throwaway_servers():
        assert not Path(folder).exists()
