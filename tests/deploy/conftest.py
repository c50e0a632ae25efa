"""The installed schemas of the platforms."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.deploy.install import HERE, VENV, defect
from tests.support.installed import missing

Validate = Callable[..., str]


@pytest.fixture(scope="session")
def validate() -> Validate:
    """Run a program of `validators/`; skips without the schemas, and fails in CI."""
    if reason := defect():
        missing(reason)

    def run(name: str, *arguments: str | Path) -> str:
        program = [VENV / "bin" / "python", HERE / "validators" / f"{name}.py", *arguments]
        done = subprocess.run(program, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
