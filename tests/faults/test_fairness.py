"""F15: more replies than slots. Pro comes first, and no user blocks the others."""

import pytest

from tests.faults.environment import Environment
from tests.faults.ledger import Entry, Ledger
from tests.faults.load import CarefulClient
from tests.faults.steps import CLAIM, held_commits
from tests.support.user import User
from tests.support.waiting import eventually

_SLOW = 200
_HELD = "[sandbox:pieces=20] [held]"
_BLOCKER = "[sandbox:pieces=20] [blocker]"
_FIRST = "[sandbox:pieces=20] [first]"


@pytest.mark.parametrize("pool", ["solo", "threads"])
def test_f15_a_pro_reply_is_claimed_before_all_waiting_basic_ones(
    environment: Environment, pool: str
) -> None:
    """Red when a job claims only the reply that it names, and when the order ignores the plan."""
    environment.workers(0)
    worker = environment.stack.start_worker(f"--pool={pool}", "--concurrency=1")
    client, pro = CarefulClient(Ledger()), environment.user()
    environment.hold("[blocker]")
    try:
        _send(environment, client, pro, _BLOCKER, is_begun=True)
        waiting = []
        for _ in range(4):
            basic = environment.stack.user()
            waiting += [_send(environment, client, basic, "Basic") for _ in range(5)]
        first = _send(environment, client, pro, "Pro")
        environment.release("[blocker]")
        environment.account(f"F15 Pro behind {len(waiting)} of Basic, {pool}", 1, client.ledger)
    finally:
        worker.kill()
    assert min((first, *waiting), key=lambda entry: _begun_at(environment, entry)) is first


def test_f15_slow_replies_of_one_user_leave_slots_for_others(environment: Environment) -> None:
    """Red without a share of slots per user: the other user waits until slow replies end."""
    environment.workers(0)
    worker = environment.stack.start_worker("--concurrency=20", REPLY_PLACES_PER_USER="4")
    client, slow, other = CarefulClient(Ledger()), environment.user(), environment.user()
    environment.hold("[held]")
    try:
        held = [_send(environment, client, slow, _HELD) for _ in range(_SLOW)]
        # A user without competition gets half of the slots.
        eventually(lambda: environment.running(worker) == 10, what="as many replies as one user may have")
        answered = [_send(environment, client, other, "Quick") for _ in range(3)]
        for entry in answered:
            environment.wait_until_completed(entry)
        assert sum(bool(environment.calls(entry)) for entry in held) == 10
        environment.release("[held]")
        environment.account("F15 slow replies of one user", _SLOW, client.ledger, seconds=120)
    finally:
        worker.kill()


def test_f15_while_others_wait_a_user_gets_no_more_than_the_share(environment: Environment) -> None:
    """Red when a user gets slots beyond the share although others wait."""
    environment.workers(0)
    worker = environment.stack.start_worker("--concurrency=8", REPLY_PLACES_PER_USER="2")
    client, many = CarefulClient(Ledger()), environment.user()
    others = [environment.user() for _ in range(6)]
    environment.hold("[blocker]")
    environment.hold("[held]")
    try:
        # All slots are taken, then released together: everything sent here waits until then.
        blockers = [_send(environment, client, user, _BLOCKER) for user in others for _ in range(2)]
        eventually(lambda: environment.running(worker) == 8, what="all slots taken")
        held = [_send(environment, client, many, _HELD) for _ in range(10)]
        later = [_send(environment, client, user, _HELD) for user in others]
        environment.release("[blocker]")
        for entry in blockers:
            environment.wait_until_completed(entry)
        eventually(lambda: environment.running(worker) == 8, what="all slots taken again")
        assert sum(bool(environment.calls(entry)) for entry in held) == 2
        assert sum(bool(environment.calls(entry)) for entry in later) == 6
        environment.release("[held]")
        environment.account("F15 a share of the places", len(held), client.ledger)
    finally:
        worker.kill()


def test_f15_the_user_with_the_fewest_running_replies_comes_next(environment: Environment) -> None:
    """Red when the oldest reply comes next, regardless of its user."""
    environment.workers(0)
    worker = environment.stack.start_worker("--concurrency=4", REPLY_PLACES_PER_USER="2")
    client, many, few, third = (
        CarefulClient(Ledger()),
        environment.user(),
        environment.user(),
        environment.user(),
    )
    environment.hold("[first]")
    environment.hold("[held]")
    try:
        for user, words in ((many, _HELD), (third, _HELD), (third, _HELD), (environment.user(), _FIRST)):
            _send(environment, client, user, words, is_begun=True)
        older = _send(environment, client, many, "Older")
        younger = _send(environment, client, few, "Younger")
        environment.release("[first]")
        environment.wait_until_completed(younger)
        environment.release("[held]")
        environment.account("F15 the fewest running replies", 1, client.ledger)
    finally:
        worker.kill()
    assert _begun_at(environment, younger) < _begun_at(environment, older)


def _send(
    environment: Environment, client: CarefulClient, user: User, words: str, *, is_begun: bool = False
) -> Entry:
    """Send a message in a new room; `is_begun`: return when Gemini has been called."""
    entry = client.send(user, user.open_room(), words, is_whole=True)
    if is_begun:
        environment.wait_for_call(entry, held=True)
    return entry


def _begun_at(environment: Environment, entry: Entry) -> str:
    return str(environment.calls(entry)[0]["received_at"])


def test_f15_many_simultaneous_jobs_are_claimed_at_once(environment: Environment) -> None:
    """This worker polls every five minutes. Red when jobs beyond one claim are left to the poll."""
    environment.workers(0)
    client, users = CarefulClient(Ledger()), [environment.user() for _ in range(12)]
    worker = environment.stack.start_worker(REPLY_POLL_SECONDS="300")
    try:
        with held_commits(environment, CLAIM):  # the first claim waits, and all other jobs gather behind it
            entries = [_send(environment, client, user, "Quick") for user in users for _ in range(10)]
            environment.database.wait_for_blocked("-- claim_named")
            eventually(
                lambda: environment.stack.redis.llen("ai_processing") == 0, what="all jobs in the worker"
            )
        for entry in entries:
            environment.wait_until_completed(entry)
        environment.account("F15 a rush of jobs", len(entries), client.ledger)
    finally:
        worker.kill()
