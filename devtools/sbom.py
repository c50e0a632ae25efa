"""Write the bill of materials of the production lock: `python -m devtools.sbom FILE` (CycloneDX 1.6, JSON).

The generator is installed in a temporary environment. A document that lacks a pin of the lock is refused.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from devtools import locks
from devtools.state import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable

GENERATOR = "cyclonedx-bom==7.5.0"
LOCK = ROOT / "requirements.txt"
_SECONDS = 300


def write(file: Path) -> int:
    """Write the bill of materials to `file`; return the number of its components."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        programs = Path(folder) / "bin"
        _run(programs / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", GENERATOR)
        made = Path(folder) / "sbom.json"
        options = ("--pyproject", ROOT / "pyproject.toml", "--output-reproducible", "--sv", "1.6")
        generator = (programs / "python", "-W", "ignore", "-m", "cyclonedx_py")
        _run(*generator, "requirements", LOCK, *options, "--of", "JSON", "-o", made)
        document: dict[str, Any] = json.loads(made.read_text())
        if missing := missing_pins(document, locks.read_pins(LOCK)):
            raise SystemExit(f"not in the bill of materials: {', '.join(missing)}")
        file.write_text(made.read_text())
        return len(document["components"])


def missing_pins(document: dict[str, Any], pins: Iterable[locks.Pin]) -> list[str]:
    """Return the pins that a CycloneDX document does not list with a hash of the lock."""
    listed = {
        (canonicalize_name(component["name"]), component["version"]): {
            one["content"]
            for reference in component.get("externalReferences", ())
            for one in reference.get("hashes", ())
        }
        for component in document["components"]
    }
    return [
        f"{pin.name} {pin.version}"
        for pin in pins
        if listed.get((pin.name, pin.version), set()).isdisjoint(
            written.rpartition(":")[2] for written in pin.hashes
        )
    ]


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=_SECONDS)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    print(f"{target}: {write(target)} components")
