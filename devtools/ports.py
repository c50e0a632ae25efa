"""Free TCP ports on the loopback interface, remembered from run to run."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import socket
import tempfile
from pathlib import Path
from typing import IO

_reserved: list[IO[str]] = []
_SERVER_PORTS = (15_000, 32_000)


def is_free(port: int) -> bool:
    """Could a server listen on this port now?"""
    with socket.socket() as probe, contextlib.suppress(OSError):
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        return True
    return False


def free_port() -> int:
    """Return a port without a listener.

    It is below those that outgoing connections are given: one of them might take it before a server does.
    """
    lowest, beyond = _SERVER_PORTS
    while not is_free(port := lowest + secrets.randbelow(beyond - lowest)):
        pass
    return port


def remembered_ports(file: Path, wanted: dict[str, int]) -> dict[str, int]:
    """The ports of the last run where they are still free, so that a psql beside us keeps working."""
    last: dict[str, int] = {}
    with contextlib.suppress(FileNotFoundError, ValueError):
        last = json.loads(file.read_text())
    ports: dict[str, int] = {}
    for name, first_choice in wanted.items():
        port = last.get(name, first_choice)
        is_ours = port not in ports.values() and reserve(port) and is_free(port)
        ports[name] = port if is_ours else free_port()
    file.write_text(json.dumps(ports))
    return ports


def reserve(port: int) -> bool:
    """Keep other runs of this user away from a port until this process ends; False if another one has it.

    A server listens seconds after its port was chosen: two runs that start together would choose the same.
    """
    folder = Path(tempfile.gettempdir()) / f"dev-ports-{os.geteuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    lock = (folder / str(port)).open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return False
    _reserved.append(lock)
    return True
