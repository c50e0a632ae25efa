"""Run pip without the variables of the environment that would redirect it."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LOCKED = ("--no-deps", "--require-hashes", "--only-binary", ":all:")  # nothing is left to decide
_SECONDS = 600
_SHOWN_LINES = 12
_FOREIGN = {"PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "PIP_CONSTRAINT", "PIP_TARGET", "PIP_USER"}


class InstallError(Exception):
    """Raised when a lock does not install, or not as it says."""


def run_pip(program: Path | str, *arguments: str | Path) -> str:
    """Run a Python's pip and return what it prints; raises InstallError with the end of its complaints."""
    return run_python(program, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments)


def run_python(program: Path | str, *arguments: str | Path) -> str:
    """Run a Python and return what it prints; raises InstallError with the end of its complaints."""
    env = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
    done = subprocess.run(
        [program, *arguments], env=env, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    if done.returncode:
        lines = [
            line for line in f"{done.stdout}{done.stderr}".splitlines() if not line.startswith("WARNING:")
        ]
        raise InstallError("\n".join(lines[-_SHOWN_LINES:]))
    return done.stdout


def dry_run(
    program: Path | str, report: Path, *arguments: str | Path
) -> dict[tuple[NormalizedName, str], Sequence[Requirement]]:
    """Resolve without installing; the packages that pip would install, each with its requirements."""
    run_pip(program, "install", "--dry-run", "--ignore-installed", "--report", report, *arguments)
    found = [item["metadata"] for item in json.loads(report.read_text())["install"]]
    return {
        (canonicalize_name(metadata["name"]), metadata["version"]): [
            Requirement(line) for line in metadata.get("requires_dist", ())
        ]
        for metadata in found
    }
