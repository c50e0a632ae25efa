"""Make wheels of newer releases that do not exist, to see that an installation takes none of them."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

VERSION = "9999.0"


def make_newer_releases(folder: Path, names: Iterable[str]) -> None:
    """Leave one wheel for each of these packages in the folder, newer than every real release."""
    for name in names:
        stem = f"{name.replace('-', '_')}-{VERSION}"
        info = f"{stem}.dist-info"
        with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {VERSION}\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")
