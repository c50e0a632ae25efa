"""The command line as an operator runs it: a process of its own, with the settings of a stack."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from tests.support.process import ROOT
from tests.support.stack import Stack
from tests.support.user import Json

NO_CHANGES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Json:
        """Return the one JSON document on stdout."""
        found: Json = json.loads(self.out)
        return found


def run(*arguments: str, env: dict[str, str], folder: Path, seconds: float = 60) -> Done:
    """Run `python -m app` in a folder with this environment alone."""
    done = subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "USER": "ada", **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def cli(stack: Stack, *arguments: str, code: int = 0, env: Mapping[str, str] = NO_CHANGES) -> Done:
    """Run a command against a stack, with changes of its environment, and check its exit code."""
    done = run(*arguments, env={**stack.settings, **env}, folder=stack.folder)
    assert done.code == code, f"{done.code}\n{done.out}\n{done.err}"
    assert "Traceback" not in done.err
    return done


def cli_json(stack: Stack, *arguments: str, code: int = 0, env: Mapping[str, str] = NO_CHANGES) -> Json:
    """Run a command with `--json`, check its exit code, and return its document."""
    return cli(stack, *arguments, "--json", code=code, env=env).document
