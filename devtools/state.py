"""The folder in which a development run keeps its data, secrets, ports and logs."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
from pathlib import Path
from typing import IO

from devtools.privileges import reachable, servant

ROOT = Path(__file__).resolve().parents[1]
MARK = "dev.lock"  # held while running; also says that a folder is ours to delete


def locate(root: Path = ROOT) -> Path:
    """Name the folder, which may be missing."""
    account = servant()
    if named := os.environ.get("DEV_STATE_DIR"):
        return Path(named).absolute()
    if account and not reachable(root, account):
        tag = hashlib.sha256(str(root).encode()).hexdigest()[:10]
        return Path("/var/tmp") / f"{root.name}-{tag}"  # noqa: S108 - outlives a reboot; state_dir() checks its owner
    return root / ".data"


def state_dir(root: Path = ROOT) -> Path:
    """The folder, made if missing; a sentence and the end when it cannot be used."""
    home = locate(root)
    try:
        return _prepared(home)
    except OSError as error:
        raise SystemExit(
            f"{home} cannot be written to ({error.strerror}): name a folder of your own in DEV_STATE_DIR"
        ) from None


def _prepared(home: Path) -> Path:
    account = servant()
    home.mkdir(parents=True, exist_ok=True)
    if home.is_symlink() or home.stat().st_uid != os.geteuid():
        raise SystemExit(
            f"{home} is a link or belongs to another user: remove it, or name a folder in DEV_STATE_DIR"
        )
    if any(home.iterdir()) and not (home / MARK).exists():
        raise SystemExit(
            f"{home} holds something that is not ours: name an empty or a new folder in DEV_STATE_DIR"
        )
    home.chmod(0o711 if account else 0o700)
    if account and not reachable(home, account):
        raise SystemExit(
            f"{home} cannot be reached by 'nobody', the user of the servers: name another DEV_STATE_DIR"
        )
    (home / MARK).touch(0o600)
    return home


def is_running(home: Path) -> bool:
    """Check whether a run uses this folder now."""
    with contextlib.suppress(OSError), (home / MARK).open("r+") as guard:
        try:
            fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def claim(home: Path) -> IO[str]:
    """Hold the folder for this process while the returned file is open; refuse when another one does."""
    guard = (home / MARK).open("r+")
    try:
        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = guard.read().strip() or "?"
        raise SystemExit(
            f"'./dev run' is running already (pid {holder}, data in {home}): stop it first"
        ) from None
    guard.seek(0)
    guard.truncate()
    guard.write(str(os.getpid()))
    guard.flush()
    return guard


def kept_secret(file: Path) -> str:
    """A random text, made once and readable by us alone."""
    if not file.exists():
        written_privately(file, secrets.token_urlsafe(48))
    return file.read_text()


def written_privately(file: Path, text: str) -> None:
    """Write a file that only this user may read; whole or not at all."""
    unfinished = file.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(0o600)
    unfinished.write_text(text)
    unfinished.rename(file)
