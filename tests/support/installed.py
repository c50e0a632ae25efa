"""System programs that some tests need; CI installs them."""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

IN_CI = os.environ.get("CI") == "true"
"""In CI, a test skipped because of a missing program would go unnoticed."""


def installed(*names: str, package: str) -> Path:
    """Return the first of these programs that is installed; otherwise skip the test, or fail it in CI."""
    folders = os.pathsep.join((os.environ["PATH"], "/usr/sbin", *_folders_of_postgres()))
    found = next((path for name in names if (path := shutil.which(name, path=folders))), None)
    if found is not None:
        return Path(found)
    return missing(f"{names[0]} is not installed: apt-get install {package}")


def missing(reason: str) -> NoReturn:
    """Skip the test on a developer's machine, and fail it in CI."""
    if IN_CI:
        pytest.fail(reason)
    pytest.skip(reason)


def _folders_of_postgres() -> list[str]:
    return [str(folder) for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"))]
