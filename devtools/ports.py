"""Free TCP ports on the loopback interface, remembered from run to run."""

from __future__ import annotations

import contextlib
import json
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def is_free(port: int) -> bool:
    """Could a server listen on this port now?"""
    with socket.socket() as probe, contextlib.suppress(OSError):
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        return True
    return False


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
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
