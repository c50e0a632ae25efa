"""How much later a listener sees the first text than a direct caller of the upstream does."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from benchmarks.load import Plan, request, run_load
from benchmarks.options import Options
from benchmarks.product import Product, product
from benchmarks.replies import FIRST_TEXT, WHOLE_REPLY
from benchmarks.report import Row, Section, add, at_most
from benchmarks.series import percentile
from benchmarks.servers import Servers
from benchmarks.upstream import MODEL, Pace

NAME: Final = "first_piece"
_ABOUT: Final = (
    "Time to the first text of a streamed send. The floor is the median of as many bare requests to the"
    " upstream, whose first piece comes after 50 ms."
)
_MANY: Final = 32
_SHORT: Final = Pace(pieces=2)
"""So that many replies after each other fit into a round."""
_BODY: Final = json.dumps({"contents": [{"role": "user", "parts": [{"text": "Hello there"}]}]})
_DIRECT: Final = request("POST", f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse", body=_BODY)


@dataclass(slots=True)
class _Times:
    """Times to the first text, in milliseconds."""

    ours: list[float] = field(default_factory=list)
    direct: list[float] = field(default_factory=list)

    def row(self, name: str, share: float, bound: float) -> Row:
        """Compare a percentile of ours with the median of the direct calls."""
        bare = percentile(self.direct, 0.5)
        return add(name, percentile(self.ours, share), bare, " ms", at_most(bound, " ms"))


def measure(servers: Servers, options: Options) -> list[Section]:
    """Measure one stream at a time, then 32 at once; ours and direct calls in turns."""
    return [Section(NAME, _ABOUT, tuple(_rows(servers, options)))]


def _rows(servers: Servers, options: Options) -> Iterator[Row]:
    alone = _measure(servers, options, _SHORT, at_once=1)
    yield alone.row("first text, one stream at a time: median", 0.5, 8)
    yield alone.row("first text, one stream at a time: p99", 0.99, 20)
    together = _measure(servers, options, Pace(), at_once=_MANY)
    yield together.row("first text, 32 at once: p99", 0.99, 60)


def _measure(servers: Servers, options: Options, pace: Pace, *, at_once: int) -> _Times:
    times = _Times()
    with product(servers, pace) as made:
        made.start_api()
        made.sign_up(8, rooms=-(-at_once // 8))
        made.start_workers()
        _stream(made, at_once, 1)
        for _ in range(options.rounds):
            times.ours += _stream(made, at_once, 2 * options.seconds)
            plan = Plan(made.upstream_port, (_DIRECT,), at_once, options.seconds, first="data: ")
            times.direct += run_load(plan).first_ms
    return times


def _stream(made: Product, at_once: int, seconds: float) -> list[float]:
    requests = made.streamed_sends(at_once)
    plan = Plan(made.port, requests, at_once, seconds, first=FIRST_TEXT, proof=WHOLE_REPLY)
    return run_load(plan).first_ms
