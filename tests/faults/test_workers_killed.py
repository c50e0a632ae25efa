"""F1 to F3: workers that die: alone, one of two, and with a wake-up in their hands.

F2 asks for the death of a pool's child process. A threads worker has none; what is lost there, one part of
the capacity while the rest goes on, is one of two workers here.
"""

import signal
from functools import partial

from tests.faults.conftest import Scale
from tests.faults.environment import Environment
from tests.faults.ledger import Entry, Ledger
from tests.faults.load import CarefulClient
from tests.support.person import Person
from tests.support.process import Process
from tests.support.waiting import eventually


def test_f1_no_message_is_lost_when_the_only_worker_is_killed_in_mid_answer(
    environment: Environment, scale: Scale
) -> None:
    """Red without the take-over of expired leases: the replies stay `generating`."""
    times = scale.times(5, 50)
    with environment.load() as load:
        for _ in range(times):
            [worker] = environment.workers(1)
            # Killed at the very first words again and again, it would lose the same replies more often than
            # REPLY_MAX_LOSSES allows.
            environment.wait_until_one_is_recorded(worker)
            environment.wait_until_busy(worker)
            worker.kill()
        environment.workers(1)
    account = environment.account("F1 the only worker killed in mid-answer", times, load.ledger)
    assert (account.failed, account.losses >= times) == (0, True), account.remarks


def test_f2_no_message_is_lost_when_one_of_two_workers_is_killed(
    environment: Environment, scale: Scale
) -> None:
    """Red without the lease's condition in the claim: both workers answer, and the reply is charged twice."""
    times = scale.times(3, 20)
    with environment.load() as load:
        for _ in range(times):
            victim, _other = environment.workers(2)
            environment.wait_until_busy(victim)
            victim.kill()
        environment.workers(2)
    account = environment.account("F2 one of two workers killed", times, load.ledger)
    assert (account.failed, account.losses > 0) == (0, True), account.remarks


def test_f3_a_wake_up_that_dies_with_an_idle_worker_loses_no_message(
    environment: Environment, scale: Scale
) -> None:
    """Red without the poll for replies that nobody claimed: Redis has given the job away."""
    times = scale.times(3, 10)
    person, client = environment.person(), CarefulClient(Ledger())
    for _ in range(times):
        [worker] = environment.workers(1)
        entry = _send_into_frozen_hands(environment, client, person, worker)
        worker.kill()
        environment.workers(1)
        environment.wait_until_completed(entry)
        assert entry.reply_id in environment.found_by_poll()
    account = environment.account("F3 killed with a wake-up in its hands", times, client.ledger)
    assert account.failed == 0, account.remarks


def _send_into_frozen_hands(
    environment: Environment, client: CarefulClient, person: Person, worker: Process
) -> Entry:
    """A message whose job Redis has handed to a worker that is frozen while it waits for one."""
    for _ in range(30):
        eventually(partial(_waiting_workers, environment), what="a worker that waits")
        worker.send(signal.SIGSTOP)
        if _waiting_workers(environment):
            published = _pushes(environment)
            entry = client.send(person, person.open_room())
            eventually(partial(_more_pushes, environment, published), what="a published job")
            if environment.stack.redis.llen("ai_processing") == 0:
                return entry
        worker.send(signal.SIGCONT)  # it was between two waits; a job that was sent is its own now
    raise AssertionError("no job came into the frozen worker's hands")


def _waiting_workers(environment: Environment) -> int:
    return int(environment.stack.redis.info("clients")["blocked_clients"])


def _pushes(environment: Environment) -> int:
    return int(environment.stack.redis.info("commandstats").get("cmdstat_lpush", {}).get("calls", 0))


def _more_pushes(environment: Environment, than: int) -> bool:
    return _pushes(environment) > than
