"""What is measured, for how long, and on which servers: the command line of `./dev bench`."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

_EPILOG = "TEST_DATABASE_URL and TEST_REDIS_URL name running servers; that Redis is emptied."


@dataclass(frozen=True, slots=True)
class Options:
    """How each benchmark is run."""

    seconds: float = 3.0
    """Length of one series of requests; streams take twice as long."""
    rounds: int = 3
    """How often ours and the floor take turns."""
    processes: tuple[int, ...] = (1,)
    """Numbers of API processes (behind `uvicorn --workers`) and of workers, each measured by itself."""
    servers: bool = False
    """Whether to use the installed PostgreSQL and Redis, with fsync, instead of those of the wheels."""


def parse(arguments: Sequence[str], *, names: Sequence[str], description: str) -> tuple[str | None, Options]:
    """Return the name of the one benchmark to run, None for all, and the options."""
    default = Options()
    parser = argparse.ArgumentParser("./dev bench", description=description, epilog=_EPILOG)
    parser.add_argument("name", nargs="?", choices=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--seconds", type=float, default=default.seconds, help="of one series of requests")
    parser.add_argument("--rounds", type=int, default=default.rounds, help="ours and floor in turns")
    parser.add_argument("--processes", default="1", help="of the API and of the worker, as in 1,2,4")
    parser.add_argument(
        "--servers",
        action="store_true",
        help="the installed PostgreSQL and Redis, with fsync",
    )
    given = parser.parse_args(arguments)
    try:
        processes = tuple(int(number) for number in given.processes.split(","))
    except ValueError:
        parser.error("--processes takes numbers with commas between them")
    if given.rounds < 1 or given.seconds <= 0 or min(processes) < 1:
        parser.error("--rounds, --seconds and --processes are positive")
    return given.name, Options(given.seconds, given.rounds, processes, given.servers)
