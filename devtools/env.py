"""Print the variables of the running ./dev run for a shell: `eval "$(./dev env)"`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from devtools import environment
from devtools.postgres import Postgres
from devtools.state import is_running, locate


def main() -> int:
    """Print a line for each variable; the programs of .venv, and psql, come with the last one."""
    if sys.argv[1:]:
        raise SystemExit('./dev env takes no arguments; use it as: eval "$(./dev env)"')
    home = locate()
    if not is_running(home):
        raise SystemExit("'./dev run' is not running: start it first, in another terminal")
    for name, value in environment.recorded(home, "used").items():
        print(f"export {name}={shlex.quote(value)}")
    tools = shlex.quote(str(Path(sys.executable).parent))
    psql = shlex.quote(str(Postgres(home, 0).tool("psql").parent))
    print(f'export PATH={tools}:"$PATH":{psql}')
    if sys.stdout.isatty():
        print('to set them in this shell: eval "$(./dev env)"', file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
