"""PgBouncer in transaction mode in front of PostgreSQL, as hosting providers run it."""

import contextlib
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from devtools import processes
from devtools.ports import free_port
from devtools.privileges import hand_over, servant
from tests.support.installed import installed
from tests.support.waiting import eventually

_SETTINGS = """\
[databases]
* = {server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own_port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
"""


@contextmanager
def pgbouncer(url: str) -> Iterator[str]:
    """Yield the database's address through a PgBouncer with three server connections."""
    program = installed("pgbouncer", package="pgbouncer")
    server, own_port = urlsplit(url), free_port()
    password = unquote(server.password or "")  # none if the server uses trust authentication
    home = Path(tempfile.mkdtemp(prefix="pgbouncer-"))  # its user cannot read pytest's folders
    settings = home / "pgbouncer.ini"
    way = {"host": server.hostname, "port": server.port, "user": server.username, "password": password}
    settings.write_text(
        _SETTINGS.format(
            server=" ".join(f"{name}={value}" for name, value in way.items() if value), own_port=own_port
        )
    )
    hand_over(settings)
    hand_over(home)
    with (home / "log").open("wb") as log:
        process = processes.start(
            [program, settings],
            cwd=home,
            env={},
            output=log.fileno(),
            death_signal=signal.SIGKILL,
            account=servant(),
        )
    try:
        eventually(lambda: _listens(own_port), what="PgBouncer")
        yield f"postgresql://{server.username}@127.0.0.1:{own_port}{server.path}"
    finally:
        process.kill()
        process.wait(10)
        shutil.rmtree(home)


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
