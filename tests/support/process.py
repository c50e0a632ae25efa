"""One process of the stack, with its output in a file."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from devtools import processes

ROOT = Path(__file__).resolve().parents[2]
_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "SSL_CERT_FILE")


class Process:
    """A Python module run as a program, killed with the test run."""

    def __init__(self, name: str, module: str, *arguments: str, env: dict[str, str], log: Path) -> None:
        self.name = name
        self.log_file = log
        passed_on = {key: os.environ[key] for key in _PASSED_ON if key in os.environ}
        with log.open("ab") as output:
            self.popen: subprocess.Popen[bytes] = processes.start(
                [sys.executable, "-m", module, *arguments],
                # Not the project's folder: tests must not read a developer's .env.
                cwd=log.parent,
                env={**passed_on, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **env},
                output=output.fileno(),
                death_signal=signal.SIGKILL,
            )

    @property
    def log(self) -> str:
        """Return the whole output of the process."""
        return self.log_file.read_text(errors="replace")

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process."""
        with contextlib.suppress(ProcessLookupError):
            self.popen.send_signal(number)

    def kill(self) -> None:
        """Kill the process."""
        self.send(signal.SIGKILL)
        self.popen.wait(10)

    def stop(self, *, seconds: float = 40) -> int:
        """Terminate the process, and return its exit code."""
        self.send(signal.SIGCONT)
        self.send(signal.SIGTERM)
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not stop in {seconds} s:\n{self.log[-4000:]}") from None
