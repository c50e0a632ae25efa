"""Debian's PostgreSQL over TLS only, as hosting providers run it; the embedded one has no TLS."""

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from devtools import processes
from devtools.ports import free_port
from devtools.privileges import hand_over, servant
from tests.support.installed import installed
from tests.support.redis_server import Certificates
from tests.support.waiting import eventually

_ACCESS = "hostssl all all 127.0.0.1/32 scram-sha-256\n"  # rejects connections without TLS
_PASSWORD = "secret of this server"  # with spaces, which an address must encode


@dataclass(frozen=True, slots=True)
class TlsPostgres:
    """A running server."""

    port: int
    authority: Path

    def url(self, options: str, *, host: str = "localhost") -> str:
        """Return the address of its database `app` with options of libpq."""
        password = _PASSWORD.replace(" ", "%20")
        return f"postgres://owner:{password}@{host}:{self.port}/app?{options}"

    def application_names(self) -> set[str]:
        """Return the names of the connected clients."""
        with psycopg.connect(_maintenance(self.port)) as connection:
            rows = connection.execute("SELECT application_name FROM pg_stat_activity").fetchall()
        return {name for (name,) in rows}


@contextmanager
def tls_postgres() -> Iterator[TlsPostgres]:
    """Run a server with a certificate for `localhost`, and a database `app` of a user `owner`."""
    program = installed("postgres", package="postgresql")
    home = Path(tempfile.mkdtemp(prefix="tls-postgres-"))  # its user cannot read pytest's folders
    home.chmod(0o711)
    certificates = Certificates(home / "tls")
    (home / "tls").chmod(0o755)
    password, data, port = home / "password", home / "data", free_port()
    password.write_text(_PASSWORD)
    data.mkdir()
    for path in (password, data, certificates.certificate, certificates.key):
        hand_over(path)
    account = servant()
    as_user = {"user": account.uid, "group": account.gid, "extra_groups": []} if account else {}
    initdb = [program.with_name("initdb"), "-D", data, "-U", "owner", "-A", "scram-sha-256", "--no-sync"]
    subprocess.run([*initdb, "--pwfile", password], check=True, capture_output=True, cwd=home, **as_user)  # type: ignore[call-overload]  # the same words for both
    (data / "pg_hba.conf").write_text(_ACCESS)
    options = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "fsync": "off",
        "ssl": "on",
        "ssl_cert_file": certificates.certificate,
        "ssl_key_file": certificates.key,
    }
    arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    with (home / "log").open("wb") as log:
        process = processes.start(
            [program, "-D", data, "-p", str(port), *arguments],
            cwd=home,
            env={},
            output=log.fileno(),
            death_signal=signal.SIGKILL,
            account=account,
        )
    server = TlsPostgres(port, certificates.authority)
    try:
        eventually(lambda: _has_created(_maintenance(port)), what="PostgreSQL over TLS")
        yield server
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)
        shutil.rmtree(home)


def _has_created(maintenance: str) -> bool:
    try:
        with psycopg.connect(maintenance, autocommit=True) as connection:
            connection.execute("CREATE DATABASE app")
    except psycopg.OperationalError:
        return False
    return True


def _maintenance(port: int) -> str:
    return f"host=localhost port={port} user=owner dbname=postgres password='{_PASSWORD}'"
