"""The PostgreSQL and Redis that are installed on this machine (Debian's packages), in a temporary folder."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from devtools.ports import free_port
from devtools.privileges import hand_over, servant
from devtools.processes import start, wait_until

_START_SECONDS = 30


@contextmanager
def installed_postgres() -> Iterator[str]:
    """Run the oldest installed PostgreSQL, which syncs to the disk; yields its address."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not found:
        raise SystemExit("--servers needs PostgreSQL (Debian, Ubuntu: apt install postgresql)")
    port = free_port()
    with _folder() as folder:
        cluster: list[str | Path] = ["-D", "data", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8"]
        _run_to_end([found[0] / "initdb", *cluster, "--auth=trust"], folder)
        options = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200")
        given = [word for option in options for word in ("-c", option)]
        command: list[str | Path] = [found[0] / "postgres", "-D", "data", "-p", str(port), *given]
        ready: list[str | Path] = [found[0] / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
        with _running(command, folder, signal.SIGINT, ready):
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"


@contextmanager
def installed_redis() -> Iterator[str]:
    """Run the installed Redis, with its append-only file synced every second; yields its address."""
    program, client = shutil.which("redis-server"), shutil.which("redis-cli")
    if program is None or client is None:
        raise SystemExit("--servers needs Redis (Debian, Ubuntu: apt install redis-server)")
    port = str(free_port())
    with _folder() as folder:
        options = ["--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "yes"]
        with _running([program, *options], folder, signal.SIGTERM, [client, "-p", port, "ping"]):
            yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bench-server-") as name:
        folder = Path(name)
        hand_over(folder)
        yield folder


def _run_to_end(command: Sequence[str | Path], folder: Path) -> None:
    process = _start(command, folder, signal.SIGKILL)
    if process.wait(_START_SECONDS):
        raise SystemExit(f"{command[0]} has failed:\n{(folder / 'log').read_text(errors='replace')}")


@contextmanager
def _running(
    command: Sequence[str | Path], folder: Path, end: signal.Signals, ready: Sequence[str | Path]
) -> Iterator[None]:
    process = _start(command, folder, end)
    try:
        if not wait_until(lambda: _succeeds(ready), _START_SECONDS):
            raise SystemExit(f"{command[0]} is not ready:\n{(folder / 'log').read_text(errors='replace')}")
        yield
    finally:
        process.send_signal(end)
        process.wait(_START_SECONDS)


def _start(command: Sequence[str | Path], folder: Path, end: signal.Signals) -> subprocess.Popen[bytes]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    with (folder / "log").open("ab") as output:
        return start(
            command, cwd=folder, env=env, output=output.fileno(), death_signal=end, account=servant()
        )


def _succeeds(command: Sequence[str | Path]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0  # noqa: S603  # ours
