"""Both servers, empty, in a temporary folder: for tests."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from devtools.ports import free_port
from devtools.postgres import Postgres
from devtools.valkey import Valkey

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = "throwaway-servers-"


@contextlib.contextmanager
def throwaway_servers(place: Path | None = None) -> Iterator[tuple[Postgres, Valkey]]:
    """Start both with their data in `place` or the folder for temporary files, and leave nothing behind.

    Each may be stopped or killed and started again meanwhile; it keeps its port and its data.
    """
    _clear_after_killed_runs()
    home = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=place))
    home.chmod(0o711)  # when root, the servers' user must walk through; what lies inside is closed
    postgres = Postgres(home, free_port(), throwaway=True)
    valkey = Valkey(home, free_port(), throwaway=True)
    try:
        postgres.start()
        valkey.start()
        yield postgres, valkey
    finally:
        valkey.stop()
        postgres.stop()
        shutil.rmtree(home, ignore_errors=True)


def _clear_after_killed_runs() -> None:
    for home in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        with contextlib.suppress(ValueError, FileNotFoundError):  # FileNotFoundError: another run was faster
            starter = int(home.name.removeprefix(PREFIX).split("-")[0])
            if home.stat().st_uid == os.geteuid() and not psutil.pid_exists(starter):
                Postgres(home, 0).stop_leftovers()
                Valkey(home, 0).stop_leftovers()
                shutil.rmtree(home, ignore_errors=True)
