"""Running as root: PostgreSQL refuses to, so the servers then run as `nobody`."""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Account:
    """A user that the servers run as."""

    uid: int
    gid: int


def servant() -> Account | None:
    """Whom the servers run as instead of us; None when we are not root."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("nobody")  # initdb wants a uid that has a name
    return Account(entry.pw_uid, entry.pw_gid)


def hand_over(path: Path) -> None:
    """Give a file or folder to the servers' user, and to no other user."""
    if account := servant():
        os.chown(path, account.uid, account.gid)
    path.chmod(0o700 if path.is_dir() else 0o600)


def reachable(path: Path, account: Account) -> bool:
    """May this user walk down to `path`, and enter or run it?"""
    for step in (path, *path.parents):
        status = step.stat()
        shift = 6 if status.st_uid == account.uid else 3 if status.st_gid == account.gid else 0
        if not (status.st_mode >> shift) & stat.S_IXOTH:
            return False
    return True


def runnable(program: Path, folders: Sequence[Path], home: Path) -> Path:
    """The program, or its copy below `home` when the servers' user cannot reach the original.

    `folders` lie side by side and hold the program and its libraries. No folder above is ever opened up.
    """
    account = servant()
    if account is None or reachable(program, account):
        return program
    status = program.stat()
    version = hashlib.sha256(f"{program}{status.st_mtime_ns}{status.st_size}".encode()).hexdigest()[:10]
    copy = home / f"bin-{version}"
    if not copy.exists():
        unfinished = Path(tempfile.mkdtemp(dir=home))
        copied(program, folders, unfinished)
        unfinished.rename(copy)
    return copy / program.relative_to(folders[0].parent)


def copied(program: Path, folders: Sequence[Path], into: Path) -> Path:
    """Copy the folders, for every user to read and run; return the copy of the program."""
    for folder in folders:
        shutil.copytree(
            folder, into / folder.name, ignore=shutil.ignore_patterns("*.a", "include", "__pycache__")
        )
    for path in (into, *into.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
    return into / program.relative_to(folders[0].parent)
