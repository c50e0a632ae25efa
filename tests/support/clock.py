"""Processes with a shifted clock, by libfaketime."""

from pathlib import Path

import pytest

from tests.support.installed import IN_CI

_LIBRARIES = [
    *Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"),
    *Path("/usr/lib/faketime").glob("libfaketimeMT.so.1"),
    *Path("/opt/homebrew/lib/faketime").glob("libfaketime.1.dylib"),
]

moves_clocks = pytest.mark.skipif(
    not _LIBRARIES and not IN_CI, reason="moves a process's clock with libfaketime, which is not installed"
)
"""Marks a test that uses `shifted`."""


def shifted(offset: str) -> dict[str, str]:
    """Return the environment of a process whose clock is `offset` off, as in "+20s" or "-61d"."""
    return {"LD_PRELOAD": str(_LIBRARIES[0]), "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def movable(file: Path) -> dict[str, str]:
    """Return the environment of a process whose clock is off by what is written in `file`, as in "+2d"."""
    file.write_text("+0s")
    return {
        "LD_PRELOAD": str(_LIBRARIES[0]),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
