"""Run one benchmark, or all of them and write docs/performance.md: `./dev bench [NAME]`."""

import importlib
import signal
import sys
from types import FrameType
from typing import Final

from benchmarks import first_piece, listeners, memory, replies, requests, stampede, start, worker
from benchmarks.load import LoadFailed
from benchmarks.options import Options, parse
from benchmarks.report import Section, printed
from benchmarks.servers import servers

BENCHMARKS: Final = {
    one.NAME: one.measure
    for one in (requests, stampede, replies, first_piece, worker, listeners, memory, start)
}
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
    measure([name] if name else list(BENCHMARKS), options)


def measure(names: list[str], options: Options) -> list[Section]:
    """Run these benchmarks one after the other on the same servers, and print each result."""
    sections = []
    with servers(installed=options.servers) as given:
        for name in names:
            try:
                results = BENCHMARKS[name](given, options)
            except LoadFailed as error:
                results = [Section(name, f"Not measured, since an answer was no success: {error}", ())]
            for section in results:
                print(printed(section), flush=True)
            sections += results
    return sections


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
