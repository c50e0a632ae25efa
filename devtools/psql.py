"""Become psql on the database of ./dev run."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from urllib.parse import unquote, urlsplit, urlunsplit

from devtools import environment
from devtools.plan import Plan
from devtools.postgres import Postgres
from devtools.state import ROOT, is_running, locate


def main() -> None:
    """Connect with the arguments given; the password is in the environment, which other users cannot read."""
    home = locate()
    given = Plan.read(ROOT, environment.recorded(home, "filled_in")).given.get("DATABASE_URL", "")
    if not given and not is_running(home):
        raise SystemExit("'./dev run' is not running, so there is no database: start it, in another terminal")
    address = urlsplit(given or environment.recorded(home, "used")["DATABASE_URL"])
    account, _, server = address.netloc.rpartition("@")
    user, _, password = account.partition(":")
    shown = address._replace(scheme="postgresql", netloc=f"{user}@{server}" if user else server)
    # The system's own, if there is one, edits lines; the wheel's does not.
    program = shutil.which("psql") or str(Postgres(home, 0).tool("psql"))
    env = {**os.environ, **({"PGPASSWORD": unquote(password)} if password else {})}
    with contextlib.suppress(OSError):  # relative paths in the arguments are of the shell's folder
        os.chdir(os.environ.get("PWD", "."))
    sys.stdout.flush()
    os.execve(program, [program, urlunsplit(shown), *sys.argv[1:]], env)  # noqa: S606 - becomes psql


if __name__ == "__main__":
    main()
