"""Programs of the system that some tests need; CI installs them."""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

IN_CI = os.environ.get("CI") == "true"
"""There, a test that is skipped for want of a program would go unseen."""


def installed(*names: str, package: str) -> Path:
    """Return the first of these programs there is; skip the test without one, and fail it in CI."""
    folders = os.pathsep.join((os.environ["PATH"], "/usr/sbin", *_folders_of_postgres()))
    found = next((path for name in names if (path := shutil.which(name, path=folders))), None)
    if found is not None:
        return Path(found)
    return missing(f"{names[0]} is not installed: apt-get install {package}")


def missing(reason: str) -> NoReturn:
    """Skip on a developer's machine; in CI, what is missing is a failure."""
    if IN_CI:
        pytest.fail(reason)
    pytest.skip(reason)


def _folders_of_postgres() -> list[str]:
    return [str(folder) for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"))]
