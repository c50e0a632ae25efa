"""The installed generators as programs, each bounded in time."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.clients.install import HERE, NODE_MODULES, VENV

_SECONDS = 180


class Tools:
    """Programs of `npm/node_modules` and `.venv`, run in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "home").mkdir()
        (folder / "node_modules").symlink_to(NODE_MODULES)
        (folder / "package.json").write_text('{"type": "module"}')

    def node(self, script: Path, *arguments: str, **env: str) -> str:
        """Run a script; returns what it printed."""
        return self._succeed("node", str(script), *arguments, **env)

    def npm(self, program: str, *arguments: str) -> str:
        """Run a program of npm's packages; returns what it printed."""
        return self._succeed(str(NODE_MODULES / ".bin" / program), *arguments)

    def npm_findings(self, program: str, *arguments: str) -> str:
        """What a linter printed, whether it found something or not."""
        done = self._run(str(NODE_MODULES / ".bin" / program), *arguments)
        assert done.stdout, done.stderr
        return done.stdout

    def python(self, script: Path, *arguments: str, **env: str) -> str:
        """Run a script with the Python that has the generated client's requirements."""
        return self._succeed(str(VENV / "bin" / "python"), str(script), *arguments, **env)

    def pip(self, program: str, *arguments: str) -> str:
        """Run a program of Python's packages; returns what it printed."""
        return self._succeed(str(VENV / "bin" / program), *arguments)

    def copy(self, folder: str) -> None:
        """Put the sources of a folder of tests/clients where generated code is."""
        shutil.copytree(HERE / folder, self.folder, dirs_exist_ok=True)

    def _succeed(self, *command: str, **env: str) -> str:
        done = self._run(*command, **env)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def _run(self, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
        own = {
            "PATH": os.pathsep.join((str(VENV / "bin"), os.environ["PATH"])),
            "HOME": str(self.folder / "home"),
            "NO_COLOR": "1",
            "DO_NOT_TRACK": "1",
            "REDOCLY_TELEMETRY": "off",
            "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true",
            "PYTHONPATH": str(self.folder),
        }
        return subprocess.run(
            command,
            cwd=self.folder,
            env={**own, **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
