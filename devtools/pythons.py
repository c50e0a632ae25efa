"""Find the Pythons of this machine on which the service has to install."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SUPPORTED = ("3.11", "3.12", "3.13")
_PROBE = """\
import ensurepip, sys, venv
print("%d.%d" % sys.version_info[:2], ensurepip.version(), sys.base_exec_prefix, sep="\\n")
"""
_PROBE_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Python:
    """A Python that makes virtual environments, and the version of the pip that it puts into them."""

    program: Path
    version: str
    pip: str

    def __str__(self) -> str:
        return f"Python {self.version} with pip {self.pip}"


def find_pythons() -> list[Python]:
    """Every supported Python on PATH, of pyenv and of this process; one for each version and bundled pip."""
    found: dict[tuple[str, str], Python] = {}
    for program in dict.fromkeys(_candidates()):
        python = _probe(program)
        if python is not None and python.version in SUPPORTED:
            found.setdefault((python.version, python.pip), python)
    return [found[key] for key in sorted(found)]


def _candidates() -> Iterator[Path]:
    names = ("python3", *(f"python{version}" for version in SUPPORTED))
    yield Path(sys.base_prefix, "bin", "python3")
    for folder in filter(None, os.environ.get("PATH", "").split(os.pathsep)):
        yield from (path for name in names if os.access(path := Path(folder, name), os.X_OK))
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(pyenv.glob("versions/*/bin/python3"))


def _probe(program: Path) -> Python | None:
    """The Python behind a program's name; None when it does not start or makes no virtual environments."""
    try:
        done = subprocess.run(
            [program, "-I", "-c", _PROBE], capture_output=True, text=True, timeout=_PROBE_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    version, pip, prefix = done.stdout.splitlines()
    return Python(Path(prefix, "bin", f"python{version}"), version, pip)
