"""Many readers of one list that is not cached: how soon the cache answers again."""

from typing import Final

from benchmarks.load import Plan, request, run_load
from benchmarks.options import Options
from benchmarks.product import product
from benchmarks.report import Section, at_least, compare, state
from benchmarks.series import Series
from benchmarks.servers import Servers
from tests.support.user import ok

NAME: Final = "stampede"
_ABOUT: Final = (
    "32 readers of one user's list, none of it cached when they begin. HIT is counted among the answers after"
    " the first 32; the floor is the rate of the same readers on a filled cache."
)
_READERS: Final = 32


def measure(servers: Servers, options: Options) -> list[Section]:
    """Measure readers of an empty and of a filled cache in turns."""
    shares, cold, warm = [], [], []
    with product(servers) as made:
        made.start_api()
        made.sign_up(1, rooms=10)
        [user], [[room, *_]] = made.users, made.rooms
        reads = request("GET", "/chatroom", user.token)
        plan = Plan(made.port, (reads,), _READERS, options.seconds, mark="x-cache: HIT")
        for number in range(options.rounds):
            ok(user.http.patch(f"/chatroom/{room}", json={"title": f"Renamed {number}"}))
            outcome = run_load(plan)
            cold.append(outcome.per_second)
            shares.append(min(100 * outcome.marked / max(outcome.done - _READERS, 1), 100))
            ok(user.http.get("/chatroom"))
            warm.append(run_load(plan).per_second)
    rows = (
        state("32 readers, none cached: HIT afterwards", Series.of(shares), " %", at_least(95, " %")),
        compare("32 readers, none cached: answers", Series.of(cold), Series.of(warm), "/s"),
    )
    return [Section(NAME, _ABOUT, rows)]
