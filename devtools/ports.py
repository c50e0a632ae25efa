"""Free TCP ports on the loopback interface, remembered from run to run."""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


_SERVER_PORTS = (15_000, 32_000)


def is_free(port: int) -> bool:
    """Could a server listen on this port now?"""
    with socket.socket() as probe, contextlib.suppress(OSError):
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        return True
    return False


def free_port() -> int:
    """A port that nobody listens on.

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
        ports[name] = port if is_free(port) and port not in ports.values() else free_port()
    file.write_text(json.dumps(ports))
    return ports
