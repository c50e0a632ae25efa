"""Run one benchmark, or all of them and write docs/performance.md: `./dev bench [NAME]`."""

import importlib
import signal
import sys
from types import FrameType
from typing import Final

from benchmarks import replies, requests
from benchmarks.options import Options, parse
from benchmarks.report import Section, printed
from benchmarks.servers import servers

BENCHMARKS: Final = {one.NAME: one.measure for one in (requests, replies)}
PROGRAMS: Final = ("search_migration", "long_histories")
"""Benchmarks with a command line of their own."""


def main() -> None:
    """Parse, measure, print."""
    signal.signal(signal.SIGTERM, _interrupt)
    if sys.argv[1:2] and sys.argv[1] in PROGRAMS:
        program = importlib.import_module(f"benchmarks.{sys.argv.pop(1)}")
        program.main()
        return
    name, options = parse(sys.argv[1:], names=[*BENCHMARKS, *PROGRAMS], description=__doc__ or "")
    for section in measure([name] if name else list(BENCHMARKS), options):
        print(printed(section))


def measure(names: list[str], options: Options) -> list[Section]:
    """Run these benchmarks one after the other on the same servers."""
    with servers(installed=options.servers) as given:
        return [section for name in names for section in BENCHMARKS[name](given, options)]


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
