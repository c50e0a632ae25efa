"""Whole streamed replies, through API, queue and worker, against the SDK alone in one loop."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from benchmarks.cost import cpu_seconds
from benchmarks.load import Outcome, Plan, run_load
from benchmarks.options import Options
from benchmarks.product import product
from benchmarks.report import Row, Section, at_least, at_most, compare, state
from benchmarks.sdk import SdkOutcome, run_sdk
from benchmarks.series import Series
from benchmarks.servers import Servers

NAME: Final = "replies"
_ABOUT: Final = (
    "100 streamed sends at once of 20 users, each in a room of its own; upstream: first piece after 50 ms, 20"
    " pieces in 200 ms. The floor is `google-genai` alone in one loop."
)
_AT_ONCE: Final = 100
_USERS: Final = 20
FIRST_TEXT: Final = "\nevent: delta"
WHOLE_REPLY: Final = '"finish_reason":"stop"'


@dataclass(slots=True)
class _Rounds:
    """Results of all rounds."""

    ours: list[Outcome] = field(default_factory=list)
    sdk: list[SdkOutcome] = field(default_factory=list)
    api_ms: list[float] = field(default_factory=list)
    worker_ms: list[float] = field(default_factory=list)

    def rows(self, *, has_targets: bool) -> Iterator[Row]:
        """Compare ours with the SDK."""
        rates = Series.of([one.per_second for one in self.ours])
        bare = Series.of([one.done / one.seconds for one in self.sdk])
        sdk_ms = Series.of([one.cpu_seconds / one.done * 1000 for one in self.sdk]).written(" ms")
        targets = (at_least(0.6), at_least(150, "/s"), at_most(6, " ms"), at_most(2.5, " ms"))
        ratio, rate, worker, api = targets if has_targets else (None,) * 4
        yield compare("streamed replies, 100 at once", rates, bare, "/s", ratio)
        yield state("streamed replies a second", rates, "/s", rate)
        yield state("CPU a reply: worker", Series.of(self.worker_ms), " ms", worker, floor=sdk_ms)
        yield state("CPU a reply: API", Series.of(self.api_ms), " ms", api)


def measure(servers: Servers, options: Options) -> list[Section]:
    """Measure ours and the SDK in turns."""
    sections = []
    for processes in options.processes:
        with product(servers) as made:
            api = made.start_api(processes=processes).popen.pid
            made.sign_up(_USERS, rooms=-(-_AT_ONCE // _USERS))
            workers = made.start_workers(processes)
            requests, rounds = made.streamed_sends(_AT_ONCE), _Rounds()
            run_load(_plan(made.port, requests, 1))
            for _ in range(options.rounds):
                began = cpu_seconds([api]), cpu_seconds(workers)
                outcome = run_load(_plan(made.port, requests, 2 * options.seconds))
                spent = cpu_seconds([api]) - began[0], cpu_seconds(workers) - began[1]
                rounds.ours.append(outcome)
                rounds.api_ms.append(spent[0] / outcome.done * 1000)
                rounds.worker_ms.append(spent[1] / outcome.done * 1000)
                rounds.sdk.append(run_sdk(made.upstream_url, at_once=_AT_ONCE, seconds=options.seconds))
        name = NAME if processes == 1 else f"{NAME}, {processes} processes of each kind"
        sections.append(Section(name, _ABOUT, tuple(rounds.rows(has_targets=processes == 1))))
    return sections


def _plan(port: int, requests: Sequence[str], seconds: float) -> Plan:
    return Plan(port, tuple(requests), len(requests), seconds, first=FIRST_TEXT, proof=WHOLE_REPLY)
