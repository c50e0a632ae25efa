"""One look at a page, in a browser that is started for it and ended for certain."""

import json
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support.user import Json

_SECONDS = 90


@dataclass(frozen=True)
class Seen:
    """What was to be seen at last."""

    address: str
    heading: str
    text: str
    font: str
    complaints: list[str]
    """What the browser wrote on its console: blocked styles, errors."""


@dataclass(frozen=True)
class Browser:
    """Node, Chromium, and where playwright-core was installed."""

    node: Path
    chromium: Path
    folder: Path
    pictures: Path

    def visit(self, picture: str, address: str, *buttons: str) -> Seen:
        """Open an address, press buttons one after the other, and keep a picture of where that led."""
        return Seen(**self._run("visit.cjs", picture, address, *buttons))

    def use_docs(self, picture: str, address: str, token: str, room: str) -> Json:
        """Sign in on the documentation page, reload it, send a message to a room; tells what was asked."""
        return self._run("docs.cjs", picture, address, token, room)

    def _run(self, script: str, picture: str, *arguments: str) -> Json:
        program = Path(__file__).with_name(script)
        command = [self.node, program, self.chromium, self.pictures / f"{picture}.png"]
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "NODE_PATH": str(self.folder / "node_modules"),
        }
        with subprocess.Popen(
            [*map(str, command), *arguments],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # so that the browser can be ended with it
        ) as visit:
            try:
                output, errors = visit.communicate(timeout=_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(visit.pid, signal.SIGKILL)
                raise
        assert visit.returncode == 0, errors
        seen: Json = json.loads(output)
        return seen
