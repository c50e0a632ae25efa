"""Install the generators at their pinned versions: `.venv/bin/python -m tests.clients.install`.

npm's packages go to `npm/node_modules`, Python's (and a Java runtime) to `.venv`, both beside this file.
They take 300 MB, so `./dev test` does not install them; CI does.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
NPM = HERE / "npm"
NODE_MODULES = NPM / "node_modules"
VENV = HERE / ".venv"
PACKAGE_LOCK = NPM / "package-lock.json"
REQUIREMENTS = HERE / "requirements.txt"
COMMAND = ".venv/bin/python -m tests.clients.install"
OLDEST_NODE = (20, 19)
_STAMP = VENV / ".made-from"
_SECONDS = 300


def main() -> None:
    """Install both, unless they are there."""
    if reason := node_defect():
        raise SystemExit(reason)
    if not defect():
        return
    shutil.rmtree(VENV, ignore_errors=True)
    _run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", str(NPM))
    _run(sys.executable, "-m", "venv", str(VENV))
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    _run(*pip, "--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", str(REQUIREMENTS))
    _STAMP.write_text(_fingerprint())


def defect() -> str:
    """Say why what is installed cannot be used; empty if it can."""
    if not _STAMP.is_file() or not NODE_MODULES.is_dir():
        return f"the client generators are not installed: {COMMAND}"
    if _STAMP.read_text() != _fingerprint():
        return f"the client generators are of another lock or folder: {COMMAND}"
    return node_defect()


def node_defect() -> str:
    """Say why Node.js cannot be used; empty if it can."""
    if not (shutil.which("node") and shutil.which("npm")):
        return "Node.js and npm are not installed: apt-get install nodejs npm"
    asked = subprocess.run(["node", "--version"], capture_output=True, text=True, timeout=20, check=False)  # noqa: S607 - any node
    found = re.fullmatch(r"v(\d+)\.(\d+)\..*", asked.stdout.strip())
    if found is None or tuple(map(int, found.groups())) < OLDEST_NODE:
        oldest = ".".join(map(str, OLDEST_NODE))
        return f"the client generators need Node.js {oldest} or newer, not {asked.stdout.strip()}"
    return ""


def _fingerprint() -> str:
    """What an installation depends on: both locks, and the folder, which scripts in `.venv/bin` name."""
    content = PACKAGE_LOCK.read_bytes() + REQUIREMENTS.read_bytes() + os.fsencode(VENV.resolve())
    return hashlib.sha256(content).hexdigest()


def _run(*command: str) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, timeout=_SECONDS, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:4])} ended with {done.returncode}")


if __name__ == "__main__":
    main()
