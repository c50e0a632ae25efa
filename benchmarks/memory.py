"""Memory of an API process and of a worker, at start and after load, beside a bare FastAPI."""

from collections.abc import Iterator
from typing import Final

from benchmarks.cost import memory_mib
from benchmarks.load import Plan, run_load
from benchmarks.options import Options
from benchmarks.product import product
from benchmarks.replies import FIRST_TEXT, WHOLE_REPLY
from benchmarks.report import Row, Section, at_most, state
from benchmarks.requests import prepare, start_floor
from benchmarks.series import Series
from benchmarks.servers import Servers

NAME: Final = "memory"
_ABOUT: Final = (
    "One process of each kind, in RAM. The load is the four kinds of requests, 32 at once, and 100 streamed"
    " replies at once. The floor is FastAPI with the same libraries."
)
_AT_ONCE: Final = 100


def measure(servers: Servers, options: Options) -> list[Section]:
    """Measure before and after load."""
    return [Section(NAME, _ABOUT, tuple(_rows(servers, options)))]


def _rows(servers: Servers, options: Options) -> Iterator[Row]:
    with product(servers) as made:
        api = made.start_api().popen.pid
        at_start = memory_mib([api])
        works = prepare(made)
        floor_port, floor = start_floor(made)
        bare = memory_mib([floor.popen.pid])
        workers = made.start_workers()
        worker_at_start = memory_mib(workers)
        for work in works:
            for port in (made.port, floor_port):
                run_load(Plan(port, work.requests, 32, options.seconds))
        streams = made.streamed_sends(_AT_ONCE)
        plan = Plan(made.port, streams, _AT_ONCE, 2 * options.seconds, first=FIRST_TEXT, proof=WHOLE_REPLY)
        run_load(plan)
        bare_later = Series.of([memory_mib([floor.popen.pid])]).written(" MB")
        bare_text = Series.of([bare]).written(" MB")
        most = at_most(100, " MB")
        yield state("API at start", Series.of([at_start]), " MB", most, floor=bare_text)
        yield state("API after load", Series.of([memory_mib([api])]), " MB", most, floor=bare_later)
        yield state("worker at start", Series.of([worker_at_start]), " MB")
        yield state("worker after load", Series.of([memory_mib(workers)]), " MB", at_most(130, " MB"))
