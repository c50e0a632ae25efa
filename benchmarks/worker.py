"""One worker with 400 replies of one second at once, against the SDK alone in one loop."""

from typing import Final

from benchmarks.load import Plan, run_load
from benchmarks.options import Options
from benchmarks.product import product
from benchmarks.replies import FIRST_TEXT, WHOLE_REPLY
from benchmarks.report import Section, at_most, compare
from benchmarks.sdk import run_sdk
from benchmarks.series import Series
from benchmarks.servers import Servers
from benchmarks.upstream import Pace

NAME: Final = "worker"
_ABOUT: Final = (
    "400 streamed sends at once of 40 users; one worker with WORKER_CONCURRENCY=400; 20 pieces in one second."
    " The floor is `google-genai` alone in one loop."
)
_AT_ONCE: Final = 400
_USERS: Final = 40
_ONE_SECOND: Final = Pace(first_ms=50, gap_ms=50, pieces=20)


def measure(servers: Servers, options: Options) -> list[Section]:
    """Measure ours and the SDK in turns."""
    ours, bare = [], []
    with product(servers, _ONE_SECOND) as made:
        made.start_api()
        made.sign_up(_USERS, rooms=_AT_ONCE // _USERS)
        made.start_workers(WORKER_CONCURRENCY=str(_AT_ONCE))
        plan = Plan(made.port, made.streamed_sends(_AT_ONCE), _AT_ONCE, first=FIRST_TEXT, proof=WHOLE_REPLY)
        run_load(plan)
        for _ in range(options.rounds):
            ours.append(run_load(plan).seconds)
            bare.append(run_sdk(made.upstream_url, at_once=_AT_ONCE, seconds=0).seconds)
    row = compare("400 replies of 1 s: all ended after", Series.of(ours), Series.of(bare), " s", at_most(1.6))
    return [Section(NAME, _ABOUT, (row,))]
