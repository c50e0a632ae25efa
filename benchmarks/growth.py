"""What growth costs: every endpoint for a large history over the same for a small one.

Two databases on the same servers, with an API process each: a user with 10 rooms, one of them of 100
messages, and a user with 10,000 rooms, one of them of 100,000 messages, among a million messages in all.
"""

from collections.abc import Sequence
from contextlib import ExitStack, closing
from typing import Final

from benchmarks.growth_steps import STEPS, Case, Step
from benchmarks.histories import Size, make_histories
from benchmarks.options import Options
from benchmarks.product import product
from benchmarks.raw_client import RawClient
from benchmarks.report import Row, Section, at_most, compare
from benchmarks.series import Series
from benchmarks.servers import Servers

NAME: Final = "growth"
_ABOUT: Final = (
    "One request at a time: a user with 10,000 rooms, one of 100,000 messages, among a million messages in"
    " all. The floor is a user with 10 rooms, one of 100 messages, on a database without others. Pages have"
    " the same number of rows in both cases. Of exports, the time to the first bytes is compared."
)
_SMALL: Final = Size(rooms=10, long_room=100, others=0)
_LARGE: Final = Size()
_TARGET: Final = at_most(1.2)
_TIMES: Final = 20
"""Requests of each kind in a round."""
_WARM_UP: Final = 5


def measure(servers: Servers, options: Options) -> list[Section]:
    """Make both histories and measure every step in turns."""
    with ExitStack() as running:
        small, large = (_case(running, servers, size) for size in (_SMALL, _LARGE))
        rows = [_measure(step, (large, small), options.rounds) for step in STEPS]
        rows.append(_delete((large, small)))
    return [Section(NAME, _ABOUT, tuple(rows))]


def _case(running: ExitStack, servers: Servers, size: Size) -> Case:
    made = running.enter_context(product(servers))
    made.start_api(EXPORTS_PER_USER="1000000")
    made.sign_up(1, rooms=0)
    [user] = made.users
    room = make_histories(made.stack.database.url, user.id, size)
    client = running.enter_context(closing(RawClient(made.port)))
    return Case.of(client, user, str(room))


def _measure(step: Step, cases: tuple[Case, Case], rounds: int) -> Row:
    for _ in range(_WARM_UP):
        for case in cases:
            step.run(case)
    medians = []
    for _ in range(rounds):
        pairs = [[step.run(case) for case in cases] for _ in range(_TIMES)]
        medians.append([Series.of(times).median for times in zip(*pairs, strict=True)])
    large, small = (Series.of(times) for times in zip(*medians, strict=True))
    return compare(step.name, large, small, " ms", _TARGET)


def _delete(cases: Sequence[Case]) -> Row:
    """Delete each case's long room, which can be done once."""
    large, small = (Series.of([case.delete_long_room()]) for case in cases)
    return compare("DELETE /chatroom/{id} (once)", large, small, " ms", _TARGET)
