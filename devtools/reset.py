"""What ./dev reset does: delete the development data."""

from __future__ import annotations

import shutil
import sys

from devtools.postgres import Postgres
from devtools.processes import RunRecord
from devtools.state import claim, state_dir
from devtools.valkey import Valkey


def main() -> int:
    """Delete the folder, unless a run is using it."""
    home = state_dir()
    with claim(home):
        RunRecord(home / "run.json").sweep()
        for server in (Postgres(home, 0), Valkey(home, 0)):
            server.stop_leftovers()
        shutil.rmtree(home)
    print(f"deleted {home}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
