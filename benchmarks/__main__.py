"""Run one benchmark, or all of them and write docs/performance.md: `./dev bench [NAME]`."""

import importlib
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Final

import httpx

from benchmarks import first_piece, growth, listeners, memory, replies, requests, stampede, start, worker
from benchmarks.load import LoadFailed
from benchmarks.machine import describe
from benchmarks.options import Options, parse
from benchmarks.page import PAGE, TEMPLATE, render
from benchmarks.report import Section, printed
from benchmarks.servers import Servers, servers

BENCHMARKS: Final[dict[str, Callable[[Servers, Options], list[Section]]]] = {
    one.NAME: one.measure
    for one in (requests, stampede, replies, first_piece, worker, listeners, memory, start, growth)
}
_FAILURES: Final = (
    LoadFailed,
    AssertionError,
    RuntimeError,
    httpx.HTTPError,
    subprocess.SubprocessError,
)
"""Of one benchmark, as on a machine that is too busy; the others are measured."""
PROGRAMS: Final = ("search_migration", "long_histories", "plans")
"""Benchmarks with a command line of their own."""


def main() -> None:
    """Parse, measure, print."""
    signal.signal(signal.SIGTERM, _interrupt)
    if sys.argv[1:2] and sys.argv[1] in PROGRAMS:
        program = importlib.import_module(f"benchmarks.{sys.argv.pop(1)}")
        program.main()
        return
    name, options = parse(sys.argv[1:], names=[*BENCHMARKS, *PROGRAMS], description=__doc__ or "")
    with servers(installed=options.servers) as given:
        if name is not None:
            measure(name, given, options)
            return
        sections = [section for each in BENCHMARKS for section in measure(each, given, options)]
        command = " ".join(["./dev bench", *sys.argv[1:]])
        text = render(TEMPLATE.read_text(), command=command, machine=[*describe(given)], sections=sections)
    PAGE.write_text(text)
    print(f"written: {PAGE.relative_to(Path.cwd())}")


def measure(name: str, given: Servers, options: Options) -> list[Section]:
    """Run one benchmark with an empty Redis, and print its results."""
    print(f"measuring {name} ...", file=sys.stderr, flush=True)
    given.empty_redis()
    try:
        sections = BENCHMARKS[name](given, options)
    except _FAILURES as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        sections = [Section(name, f"Not measured: {reason}", ())]
    for section in sections:
        print(printed(section), flush=True)
    return sections


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
