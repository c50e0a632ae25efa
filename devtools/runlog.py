"""Keep every line of every process of a run, after its name, in one file of bounded size."""

from __future__ import annotations

import time
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "run.log"
SEPARATOR = " | "
MOST_BYTES = 50_000_000
POLL_SECONDS = 0.2


class RunLog:
    """Write the log; move the one before, of the last run or of too many lines, to a second file."""

    def __init__(self, folder: Path, *, most_bytes: int = MOST_BYTES) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        self._path = folder / NAME
        self._most_bytes = most_bytes
        self._file = self._begin()

    def write(self, name: str, line: str) -> None:
        """Append one line; it is in the file when this returns."""
        if self._file.tell() > self._most_bytes:
            self._file.close()
            self._file = self._begin()
        self._file.write(f"{name:<8}{SEPARATOR}{line}\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()

    def _begin(self) -> IO[str]:
        if self._path.exists():
            self._path.replace(self._path.with_name(f"{NAME}.1"))
        return self._path.open("w", encoding="utf-8", errors="backslashreplace")


def lines_of(log: Path, name: str | None, *, follow: bool) -> Iterator[str]:
    """Yield the lines of one process, or of all with their names; go on with new ones if `follow`.

    `log` may also be the file of a server, which holds its own lines only.
    """
    for line in _followed(log) if follow else _written(log):
        if log.name != NAME or name is None:
            yield line
        elif line.startswith(f"{name:<8}{SEPARATOR}"):
            yield line.partition(SEPARATOR)[2]


def _written(log: Path) -> Iterator[str]:
    with log.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            yield line.rstrip("\n")


def _followed(log: Path) -> Iterator[str]:
    """Yield lines as they come; the file may be replaced by a new one, and may be missing for a moment."""
    while True:
        with log.open(encoding="utf-8", errors="replace") as file:
            inode, rest = log.stat().st_ino, ""
            while True:
                rest += (piece := file.readline())
                if rest.endswith("\n"):
                    yield rest.rstrip("\n")
                    rest = ""
                elif not piece:
                    if log.exists() and log.stat().st_ino != inode:
                        break
                    time.sleep(POLL_SECONDS)
