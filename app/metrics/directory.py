"""The directory in which the processes behind one port share their metrics; imported before the library.

`uvicorn --workers N` answers a scrape by any of its children, so each answer must contain all of them. The
library then keeps every value in a file of its process, and reads the files of all. It decides so when it is
imported, by a variable of the environment.
"""

import fcntl
import hashlib
import multiprocessing
import os
import shutil
import stat
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
_PREFIX: Final = "chat-metrics"
IN_USE: Final = "in-use"
"""A file that each process locks for as long as it runs."""
_OPEN_FILES: Final[list[IO[bytes]]] = []
"""Keeps the lock of this process."""


class _UnusableError(Exception):
    """The directory cannot be used."""


class Choice:
    """The choice that this process made when it started."""

    def __init__(self) -> None:
        self.path: Path | None = None
        """The directory of all processes behind this port; None in a process that is alone."""
        self.is_own: bool = False
        """Whether this product made it, and not the operator."""
        self.problem: str | None = None
        """Why this process counts alone, though it shares its port."""

    def make(self) -> None:
        """Choose the operator's directory, else one that all children of this process's parent share."""
        if given := os.environ.get(_VARIABLE):
            self.path = Path(given)
            try:
                self.path.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                self._give_up(error)
        elif multiprocessing.parent_process() is not None and "uvicorn" in sys.modules:
            try:
                self.path = _directory_of_siblings()
            except (OSError, _UnusableError) as error:
                self._give_up(error)
            else:
                self.is_own = True
                os.environ[_VARIABLE] = str(self.path)
        if self.path is not None:
            forget_gauges(self.path, os.getpid())  # a former process may have had this id

    def _give_up(self, error: Exception) -> None:
        self.path, self.problem = None, str(error)
        os.environ.pop(_VARIABLE, None)


def forget_gauges(path: Path, process_id: int) -> None:
    """Remove the gauges of a process that has ended; its counters stay counted."""
    for file in path.glob(f"gauge_*_{process_id}.db"):
        file.unlink(missing_ok=True)


def _directory_of_siblings() -> Path:
    """Return the directory of this process and the other children of its parent.

    The parent made a key that only its children have.
    """
    parent = os.getppid()
    key = hashlib.sha256(multiprocessing.current_process().authkey + parent.to_bytes(8, "big")).hexdigest()
    own = Path(tempfile.gettempdir()) / f"{_PREFIX}-{parent}-{key[:32]}"
    with suppress(FileExistsError):
        own.mkdir(mode=stat.S_IRWXU)
    if not _is_of_this_user(own):
        raise _UnusableError(f"{own} is not a directory of this user alone")
    _mark_as_used(own)
    _remove_stale(own, parent)
    return own


def _is_of_this_user(path: Path) -> bool:
    """Return whether it is a directory that this user has made, for no other user: not a link either."""
    found = path.lstat()
    is_directory = stat.S_ISDIR(found.st_mode)
    return is_directory and found.st_uid == os.getuid() and stat.S_IMODE(found.st_mode) == stat.S_IRWXU


def _mark_as_used(path: Path) -> None:
    """Hold a shared lock until this process ends."""
    lock = (path / IN_USE).open("ab")
    fcntl.flock(lock, fcntl.LOCK_SH)
    _OPEN_FILES.append(lock)


def _remove_stale(own: Path, parent: int) -> None:
    """Remove this user's directories of parents that have ended, unless a process uses them.

    Either alone would not do: a parent may be seen from another namespace of process ids, and between two
    children of `--reload` no process holds the lock.
    """
    for other in own.parent.glob(f"{_PREFIX}-*-*"):
        owner = other.name.split("-")[2]
        if other == own or not owner.isdecimal() or not _is_of_this_user(other):
            continue
        if int(owner) != parent and _is_running(int(owner)):
            continue
        with suppress(OSError), (other / IN_USE).open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(other, ignore_errors=True)


def _is_running(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


CHOICE: Final = Choice()
CHOICE.make()
