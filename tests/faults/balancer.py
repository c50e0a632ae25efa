"""nginx before several API processes, as an operator runs it: processes leave it before they stop."""

import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from devtools import processes
from devtools.ports import free_port
from devtools.privileges import hand_over, servant
from tests.support.installed import installed
from tests.support.waiting import eventually

_SETTINGS = """\
daemon off;
worker_processes 1;
pid {home}/pid;
error_log stderr;
events {{ worker_connections 1000; }}
http {{
  access_log off;
  client_body_temp_path {home}/body;
  proxy_temp_path {home}/proxy;
  fastcgi_temp_path {home}/fastcgi;
  uwsgi_temp_path {home}/uwsgi;
  scgi_temp_path {home}/scgi;
  upstream api {{
    {servers}
    keepalive 32;
  }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://api;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_buffering off;
      proxy_read_timeout 75s;
    }}
  }}
}}
"""


class Balancer:
    """A running nginx; `use` changes the API processes behind it without dropping a connection."""

    def __init__(self, program: Path, home: Path) -> None:
        self._program, self._home, self._port = program, home, free_port()
        self.url = f"http://127.0.0.1:{self._port}"

    def start(self, addresses: Sequence[str]) -> None:
        """Start nginx before these processes."""
        self._write(addresses)
        with (self._home / "log").open("ab") as log:
            self._process = processes.start(
                [self._program, "-e", "stderr", "-p", self._home, "-c", self._home / "nginx.conf"],
                cwd=self._home,
                env={},
                output=log.fileno(),
                death_signal=signal.SIGKILL,
                account=servant(),
            )
        eventually(self._listens, what="nginx")

    def use(self, addresses: Sequence[str]) -> None:
        """Send new requests to these processes only; requests that run stay where they are."""
        before = set(self._workers())
        self._write(addresses)
        self._process.send_signal(signal.SIGHUP)
        eventually(lambda: set(self._workers()) - before, what="a reloaded nginx")

    def stop(self) -> str:
        """Stop nginx, and return its log of errors."""
        self._process.terminate()
        self._process.wait(10)
        return (self._home / "log").read_text()

    def _workers(self) -> list[int]:
        return [child.pid for child in psutil.Process(self._process.pid).children()]

    def _write(self, addresses: Sequence[str]) -> None:
        # max_fails=0: a process that refuses a connection keeps its turn in the next request.
        servers = "\n    ".join(
            f"server {address.removeprefix('http://')} max_fails=0;" for address in addresses
        )
        settings = self._home / "nginx.conf"
        settings.write_text(_SETTINGS.format(home=self._home, servers=servers, port=self._port))
        hand_over(settings)

    def _listens(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self._port), timeout=1):
            return True
        return False


@contextmanager
def balancer() -> Iterator[Balancer]:
    """Yield an nginx that is stopped at the end of the block."""
    program = installed("nginx", package="nginx-light")
    home = Path(tempfile.mkdtemp(prefix="nginx-"))  # its user cannot read pytest's folders
    hand_over(home)
    running = Balancer(program, home)
    try:
        yield running
    finally:
        running.stop()
        shutil.rmtree(home)
