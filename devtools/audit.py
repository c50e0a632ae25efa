"""Ask an advisory service about every pinned package: `python -m devtools.audit PIP-AUDIT [OPTION ...]`.

Known vulnerabilities end it with 1. Where no service can be reached in time it says so, and ends with 0: what
CI checks of this code does not depend on another party's server.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_SECONDS = 60
_LOCKS = ("requirements.txt", "requirements-dev.txt")
# Of the services only OSV fails when it cannot be asked; PyPI's answer of a mirror is "nothing is known".
_OPTIONS = ("--vulnerability-service=osv", "--disable-pip", "--require-hashes", "--timeout=10")
_OUTPUT = ("--format=json", "--progress-spinner=off")


def audit(program: Sequence[str], *, locks: Sequence[str] = _LOCKS, seconds: float = _SECONDS) -> int:
    """Run pip-audit on the locks and print what it found; return this process's exit code."""
    requirements = [f"--requirement={lock}" for lock in locks]
    try:
        done = subprocess.run(
            [*program, *_OPTIONS, *_OUTPUT, *requirements],
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return _not_audited(f"no result in {seconds:g} seconds")
    except OSError as error:
        return _not_audited(f"{program[0]}: {error.strerror}")
    try:
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        return _not_audited((done.stderr.strip().splitlines() or ["no output"])[-1])
    findings = sorted({line for package in packages for line in _findings(package)})
    skipped = sorted({str(package["name"]) for package in packages if "vulns" not in package})
    if findings:
        print("known vulnerabilities:", *findings, sep="\n  ")
        return 1
    if skipped:
        return _not_audited(f"the service does not know {', '.join(skipped)}")
    print(f"{len({package['name'] for package in packages})} packages, none with a known vulnerability")
    return 0


def _findings(package: dict[str, Any]) -> list[str]:
    return [
        f"{package['name']} {package['version']}: {found['id']}, fixed in"
        f" {', '.join(found.get('fix_versions', [])) or 'no version'}"
        for found in package.get("vulns", [])
    ]


def _not_audited(reason: str) -> int:
    print(f"NOT AUDITED, going on: {reason}")
    return 0


if __name__ == "__main__":
    sys.exit(audit(sys.argv[1:]))
