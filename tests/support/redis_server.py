"""Debian's redis-server as an operator may run it: with TLS, users and passwords."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from devtools.ports import free_port
from devtools.processes import start as start_process
from tests.support.waiting import eventually

SERVER = shutil.which("redis-server")


class RedisServer:
    """A running server; the plain `port` is 0 if it has certificates."""

    def __init__(self, folder: Path, *options: str, tls: "Certificates | None" = None) -> None:
        self.port = free_port()
        self._log = folder / f"redis-{self.port}.log"
        ports = ("--port", str(self.port)) if tls is None else ("--port", "0", *tls.options(self.port))
        common = ("--bind", "127.0.0.1", "::1", "--save", "", "--dir", str(folder))
        with self._log.open("ab") as output:
            self.process: subprocess.Popen[bytes] = start_process(
                [SERVER or "redis-server", *ports, *common, *options],
                cwd=folder,
                env={"PATH": os.environ["PATH"]},
                output=output.fileno(),
                death_signal=signal.SIGKILL,
            )
        eventually(self._listens, what="Redis")

    def client(self, **options: object) -> "redis.Redis":
        """Return a client for the test."""
        return redis.Redis(port=self.port, decode_responses=True, **options)  # type: ignore[arg-type]  # passed on

    def stop(self) -> None:
        """Stop the server."""
        self.process.kill()
        self.process.wait(10)

    def _listens(self) -> bool:
        assert self.process.poll() is None, self._log.read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False


@contextmanager
def redis_server(folder: Path, *options: str, tls: "Certificates | None" = None) -> Iterator[RedisServer]:
    """Run a server with these options for the duration of the block."""
    server = RedisServer(folder, *options, tls=tls)
    try:
        yield server
    finally:
        server.stop()


class Certificates:
    """A certificate authority, and its server certificate for `host`, made by OpenSSL."""

    def __init__(self, folder: Path, *, host: str = "localhost") -> None:
        folder.mkdir()
        self.authority, self.certificate, self.key = (
            folder / name for name in ("authority.pem", "server.pem", "server.key")
        )
        authority_key, request, names = folder / "authority.key", folder / "server.csr", folder / "names"
        extensions = (
            "keyUsage=digitalSignature",
            "authorityKeyIdentifier=keyid",
            "subjectKeyIdentifier=hash",
        )
        names.write_text("\n".join((f"subjectAltName=DNS:{host}", *extensions, "")))
        new_key = ("-newkey", "rsa:2048", "-nodes", "-keyout")
        usage = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
        _openssl("req", "-x509", *new_key, authority_key, "-out", self.authority, "-subj", "/CN=Test", *usage)
        _openssl("req", *new_key, self.key, "-out", request, "-subj", f"/CN={host}")
        signed_by = ("-CA", self.authority, "-CAkey", authority_key, "-CAcreateserial")
        _openssl("x509", "-req", "-in", request, *signed_by, "-extfile", names, "-out", self.certificate)

    def options(self, port: int) -> tuple[str, ...]:
        """Return the options for TLS only, without client certificates."""
        files = ("--tls-cert-file", str(self.certificate), "--tls-key-file", str(self.key))
        return ("--tls-port", str(port), *files, "--tls-auth-clients", "no")


def _openssl(*arguments: str | Path) -> None:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)  # noqa: S607  # any
    assert done.returncode == 0, done.stderr
