"""Debian's nginx with deploy/nginx/nginx.conf, on loopback ports in front of an API process."""

import contextlib
import os
import re
import shutil
import signal
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from devtools import processes
from devtools.ports import free_port
from devtools.privileges import hand_over, servant
from tests.support.installed import installed
from tests.support.process import ROOT
from tests.support.waiting import eventually

FOLDER = ROOT / "deploy" / "nginx"
NAME = "localhost"


@dataclass(frozen=True, slots=True)
class Nginx:
    """A running nginx."""

    home: Path
    port: int
    plain_port: int

    @property
    def url(self) -> str:
        """The address with TLS."""
        return f"https://{NAME}:{self.port}"

    def context(self) -> ssl.SSLContext:
        """Trust this server's certificate only."""
        return ssl.create_default_context(cafile=str(self.home / "tls" / "fullchain.pem"))

    def client(self, *, source: str = "127.0.0.1") -> httpx.Client:
        """Return a client with the address `source`."""
        transport = httpx.HTTPTransport(verify=self.context(), local_address=source)
        return httpx.Client(base_url=self.url, transport=transport, timeout=30, trust_env=False)

    def log(self) -> str:
        """Return what nginx has logged."""
        return (self.home / "log").read_text()


@contextmanager
def nginx(api_url: str, *replaced: tuple[str, str]) -> Iterator[Nginx]:
    """Run the configuration in front of this API, with its ports and paths and these texts replaced."""
    program = installed("nginx", package="nginx-light")
    home = Path(tempfile.mkdtemp(prefix="nginx-"))  # its user cannot read pytest's folders
    port, plain_port = free_port(), free_port()
    certificate(home / "tls", "self-signed", NAME)
    shutil.copy(FOLDER / "problem_headers.conf", home)
    changes = (
        ("/tmp/", f"{home}/"),  # noqa: S108  # the text in the file
        ("api:8000", api_url.removeprefix("http://")),
        ("listen 8443", f"listen 127.0.0.1:{port}"),
        ("listen 8080", f"listen 127.0.0.1:{plain_port}"),
        ("/etc/nginx/tls", str(home / "tls")),
        ("/srv/acme", str(home / "acme")),
        ("access_log /dev/stdout", f"access_log {home}/log"),
        ("error_log stderr", f"error_log {home}/log"),
        *replaced,
    )
    configuration = (FOLDER / "nginx.conf").read_text()
    for before, after in changes:
        assert before in configuration, before
        configuration = configuration.replace(before, after)
    (home / "nginx.conf").write_text(configuration)
    for path in sorted(home.rglob("*")):
        hand_over(path)
    hand_over(home)
    with (home / "output").open("wb") as output:
        process = processes.start(
            [program, "-c", home / "nginx.conf", "-g", "daemon off;"],
            cwd=home,
            env={},
            output=output.fileno(),
            death_signal=signal.SIGTERM,
            account=servant(),
        )
    running = Nginx(home, port, plain_port)
    try:
        eventually(lambda: _answers(running) or process.poll() is not None, what="nginx")
        assert process.poll() is None, (home / "output").read_text()
        yield running
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(home)


def certificate(tls: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run deploy/nginx/certificate for this folder."""
    return subprocess.run(
        [FOLDER / "certificate", *arguments],
        env={"PATH": os.environ["PATH"], "TLS_FOLDER": str(tls), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


def seconds_of(directive: str) -> int:
    """Return the seconds that the configuration gives to a directive."""
    [found] = re.findall(rf"^\s*{directive} (\d+)s;", (FOLDER / "nginx.conf").read_text(), re.MULTILINE)
    return int(found)


def _answers(running: Nginx) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"http://{NAME}:{running.plain_port}", trust_env=False).status_code == 308
    return False
