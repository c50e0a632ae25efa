"""Print what the processes of the last ./dev run printed."""

from __future__ import annotations

import argparse
import os
import sys

from devtools.console import print_any_letter
from devtools.runlog import NAME, lines_of
from devtools.state import locate

PROCESSES = ("api", "worker", "flower", "sandbox", "migrate", "dev")
SERVERS = ("postgres", "valkey")
NAMES = (*PROCESSES, *SERVERS)


def main() -> int:
    """Print the log of one process, or of all but the servers."""
    parser = argparse.ArgumentParser(
        prog="./dev logs", description="Print what the processes of the last ./dev run printed."
    )
    parser.add_argument("name", nargs="?", help=f"one of {', '.join(NAMES)}; else all but the servers")
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what is printed next")
    options = parser.parse_args()
    name: str | None = options.name
    if name not in {None, *NAMES}:
        raise SystemExit(f"./dev logs does not know {name!r}: the names are {', '.join(NAMES)}")
    log = locate() / "logs" / (f"{name}.log" if name in SERVERS else NAME)
    if not log.exists():
        raise SystemExit(f"there is no log yet: './dev run' writes {log}")
    print_any_letter()
    try:
        for line in lines_of(log, name, follow=options.follow):
            print(line, flush=options.follow)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
