"""F15: more work than places. Pro comes first, and no user keeps the others waiting."""

import pytest

from tests.faults.bench import Bench
from tests.faults.ledger import Entry, Ledger
from tests.faults.load import CarefulClient
from tests.faults.steps import CLAIM, held_commits
from tests.support.person import Person
from tests.support.waiting import eventually

_SLOW = 200
_HELD = "[sandbox:pieces=20] [held]"
_BLOCKER = "[sandbox:pieces=20] [blocker]"
_FIRST = "[sandbox:pieces=20] [first]"


@pytest.mark.parametrize("pool", ["solo", "threads"])
def test_f15_a_pro_reply_is_claimed_before_all_basic_ones_that_wait(bench: Bench, pool: str) -> None:
    """Red when a job waits in line for the reply that it names, and when the order has no plan."""
    bench.workers(0)
    worker = bench.stack.start_worker(f"--pool={pool}", "--concurrency=1")
    client, pro = CarefulClient(Ledger()), bench.person()
    bench.hold("[blocker]")
    try:
        _send(bench, client, pro, _BLOCKER, is_begun=True)
        waiting = []
        for _ in range(4):
            basic = bench.stack.person()
            waiting += [_send(bench, client, basic, "Basic") for _ in range(5)]
        first = _send(bench, client, pro, "Pro")
        bench.release("[blocker]")
        bench.account(f"F15 Pro behind {len(waiting)} of Basic, {pool}", 1, client.ledger)
    finally:
        worker.kill()
    assert min((first, *waiting), key=lambda entry: _begun_at(bench, entry)) is first


def test_f15_slow_replies_of_one_user_leave_places_for_others(bench: Bench) -> None:
    """Red without the share of places: the other user waits until slow replies end."""
    bench.workers(0)
    worker = bench.stack.start_worker("--concurrency=20", REPLY_PLACES_PER_USER="4")
    client, slow, other = CarefulClient(Ledger()), bench.person(), bench.person()
    bench.hold("[held]")
    try:
        held = [_send(bench, client, slow, _HELD) for _ in range(_SLOW)]
        # A user that is alone gets half of the places.
        eventually(lambda: bench.running(worker) == 10, what="as many replies as one user gets")
        answered = [_send(bench, client, other, "Quick") for _ in range(3)]
        for entry in answered:
            bench.wait_until_completed(entry)
        assert sum(bool(bench.calls(entry)) for entry in held) == 10
        bench.release("[held]")
        bench.account("F15 slow replies of one user", _SLOW, client.ledger, seconds=120)
    finally:
        worker.kill()


def test_f15_while_others_wait_a_user_gets_no_more_than_the_share(bench: Bench) -> None:
    """Red when places beyond the share are given away although others wait."""
    bench.workers(0)
    worker = bench.stack.start_worker("--concurrency=8", REPLY_PLACES_PER_USER="2")
    client, many = CarefulClient(Ledger()), bench.person()
    others = [bench.person() for _ in range(6)]
    bench.hold("[blocker]")
    bench.hold("[held]")
    try:
        # All places are taken, and released at once: then everything waits that is sent here.
        blockers = [_send(bench, client, user, _BLOCKER) for user in others for _ in range(2)]
        eventually(lambda: bench.running(worker) == 8, what="all places taken")
        held = [_send(bench, client, many, _HELD) for _ in range(10)]
        later = [_send(bench, client, user, _HELD) for user in others]
        bench.release("[blocker]")
        for entry in blockers:
            bench.wait_until_completed(entry)
        eventually(lambda: bench.running(worker) == 8, what="all places taken again")
        assert sum(bool(bench.calls(entry)) for entry in held) == 2
        assert sum(bool(bench.calls(entry)) for entry in later) == 6
        bench.release("[held]")
        bench.account("F15 a share of the places", len(held), client.ledger)
    finally:
        worker.kill()


def test_f15_the_user_with_the_fewest_running_replies_comes_next(bench: Bench) -> None:
    """Red when the oldest reply comes next, whoever sent it."""
    bench.workers(0)
    worker = bench.stack.start_worker("--concurrency=4", REPLY_PLACES_PER_USER="2")
    client, many, few, third = CarefulClient(Ledger()), bench.person(), bench.person(), bench.person()
    bench.hold("[first]")
    bench.hold("[held]")
    try:
        for user, words in ((many, _HELD), (third, _HELD), (third, _HELD), (bench.person(), _FIRST)):
            _send(bench, client, user, words, is_begun=True)
        older = _send(bench, client, many, "Older")
        younger = _send(bench, client, few, "Younger")
        bench.release("[first]")
        bench.wait_until_completed(younger)
        bench.release("[held]")
        bench.account("F15 the fewest running replies", 1, client.ledger)
    finally:
        worker.kill()
    assert _begun_at(bench, younger) < _begun_at(bench, older)


def _send(bench: Bench, client: CarefulClient, user: Person, words: str, *, is_begun: bool = False) -> Entry:
    """Send a message in a room of its own; `is_begun`: return when Gemini has been asked."""
    entry = client.send(user, user.open_room(), words, is_whole=True)
    if is_begun:
        bench.wait_for_call(entry, held=True)
    return entry


def _begun_at(bench: Bench, entry: Entry) -> str:
    return str(bench.calls(entry)[0]["received_at"])


def test_f15_a_rush_of_jobs_is_claimed_at_once_however_many_they_are(bench: Bench) -> None:
    """The worker polls once in five minutes here. Red when jobs beyond one claim are left to the poll."""
    bench.workers(0)
    client, users = CarefulClient(Ledger()), [bench.person() for _ in range(12)]
    worker = bench.stack.start_worker(REPLY_POLL_SECONDS="300")
    try:
        with held_commits(bench, CLAIM):  # the first claim waits, and all other jobs gather behind it
            entries = [_send(bench, client, user, "Quick") for user in users for _ in range(10)]
            bench.database.wait_for_blocked("-- claim_named")
            eventually(lambda: bench.stack.redis.llen("ai_processing") == 0, what="all jobs in the worker")
        for entry in entries:
            bench.wait_until_completed(entry)
        bench.account("F15 a rush of jobs", len(entries), client.ledger)
    finally:
        worker.kill()
