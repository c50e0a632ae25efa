"""The code of the last release, out of this repository's history."""

import io
import os
import re
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

from tests.support.installed import installed, missing
from tests.support.process import ROOT

_HEADING = re.compile(r"^## \[\d+\.\d+\.\d+\].*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Release:
    """An unpacked release. It runs with the packages of this environment."""

    folder: Path

    @property
    def settings(self) -> dict[str, str]:
        """Return the environment with which a process runs this code instead of the present one."""
        return {"PYTHONPATH": str(self.folder)}

    def migrate(self, database_url: str, revision: str = "head") -> None:
        """Migrate a database to a revision of this release."""
        done = subprocess.run(
            [sys.executable, "-m", "alembic", "upgrade", revision],
            env={"PATH": os.environ["PATH"], "DATABASE_URL": database_url, **self.settings},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def last_release(folder: Path) -> Release:
    """Unpack the commit that wrote the newest release's heading into the changelog.

    Without it, as in a copy without history, skip the test, or fail it in CI.
    """
    heading = _HEADING.search((ROOT / "CHANGELOG.md").read_text())
    assert heading is not None, "CHANGELOG.md names no release"
    found = _git("log", "-S", heading.group(), "--format=%H", "--", "CHANGELOG.md").decode().split()
    if not found:
        missing("the last release is not in this copy's history: git fetch --unshallow")
    with tarfile.open(fileobj=io.BytesIO(_git("archive", found[-1]))) as archive:
        archive.extractall(folder, filter="data")
    return Release(folder)


def _git(*arguments: str) -> bytes:
    program = installed("git", package="git")
    done = subprocess.run([program, *arguments], cwd=ROOT, capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else b""
