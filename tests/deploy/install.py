"""Install the schemas at their pinned versions: `.venv/bin/python -m tests.deploy.install`.

They take 150 MB in a `.venv` beside this file, so `./dev test` does not install them; CI does.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
VENV = HERE / ".venv"
REQUIREMENTS = HERE / "requirements.txt"
COMMAND = ".venv/bin/python -m tests.deploy.install"
_STAMP = VENV / ".made-from"
_SECONDS = 300


def main() -> None:
    """Install them, unless they are there."""
    if not defect():
        return
    shutil.rmtree(VENV, ignore_errors=True)
    _run(sys.executable, "-m", "venv", str(VENV))
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    _run(*pip, "--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", str(REQUIREMENTS))
    _STAMP.write_text(_fingerprint())


def defect() -> str:
    """Say why the schemas cannot be used; empty if they can."""
    if not _STAMP.is_file():
        return f"the schemas of the platforms are not installed: {COMMAND}"
    if _STAMP.read_text() != _fingerprint():
        return f"the schemas of the platforms are of another lock or folder: {COMMAND}"
    return ""


def _fingerprint() -> str:
    """What an installation depends on: the lock, and the folder, which scripts in `.venv/bin` name."""
    return hashlib.sha256(REQUIREMENTS.read_bytes() + os.fsencode(VENV.resolve())).hexdigest()


def _run(*command: str) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, timeout=_SECONDS, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:4])} ended with {done.returncode}")


if __name__ == "__main__":
    main()
