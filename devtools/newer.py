"""Make wheels of newer releases that do not exist, to see that an installation takes none of them."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

from packaging.version import Version

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

VERSION = "9999.0"  # newer than anything
_PATCH = 9999


def make_newer_releases(folder: Path, releases: Iterable[tuple[str, str]]) -> None:
    """Leave wheels newer than each of these releases, given by name and version, in the folder.

    There is one newer than anything, and one that also satisfies a requirement with an upper bound.
    """
    for name, version in releases:
        *first, _last = Version(version).release
        for offered in (VERSION, ".".join(map(str, (*first, _PATCH)))):
            stem = f"{name.replace('-', '_')}-{offered}"
            info = f"{stem}.dist-info"
            with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as wheel:
                wheel.writestr(
                    f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {offered}\n"
                )
                wheel.writestr(
                    f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
                )
                wheel.writestr(f"{info}/RECORD", "")
