"""F1 to F3: a worker is killed: the only one, one of two, and an idle one that has received a wake-up.

F2 was defined for the child process of a pool. A threads worker has none; one of two workers takes its place.
"""

import signal
from functools import partial

from tests.faults.conftest import Scale
from tests.faults.environment import Environment
from tests.faults.ledger import Entry, Ledger
from tests.faults.load import CarefulClient
from tests.support.process import Process
from tests.support.user import User
from tests.support.waiting import eventually


def test_f1_no_message_is_lost_when_the_only_worker_is_killed_while_generating(
    environment: Environment, scale: Scale
) -> None:
    """Red without claims of expired leases: the replies stay `generating`."""
    times = scale.times(5, 50)
    with environment.load() as load:
        for _ in range(times):
            [worker] = environment.workers(1)
            # Killed at the first chunk each time, workers would lose the same replies more often than
            # REPLY_MAX_WORKER_LOSSES allows.
            environment.wait_until_one_is_recorded(worker)
            environment.wait_until_busy(worker)
            worker.kill()
        environment.workers(1)
    account = environment.account("F1 the only worker killed in mid-answer", times, load.ledger)
    assert (account.failed, account.losses >= times) == (0, True), account.remarks


def test_f2_no_message_is_lost_when_one_of_two_workers_is_killed(
    environment: Environment, scale: Scale
) -> None:
    """Red when a claim ignores leases: both workers generate the reply, and it is charged twice."""
    times = scale.times(3, 20)
    with environment.load() as load:
        for _ in range(times):
            victim, _other = environment.workers(2)
            environment.wait_until_busy(victim)
            victim.kill()
        environment.workers(2)
    account = environment.account("F2 one of two workers killed", times, load.ledger)
    assert (account.failed, account.losses > 0) == (0, True), account.remarks


def test_f3_a_wake_up_lost_with_an_idle_worker_loses_no_message(
    environment: Environment, scale: Scale
) -> None:
    """Red without the poll for unclaimed replies: Redis no longer has the job."""
    times = scale.times(3, 10)
    user, client = environment.user(), CarefulClient(Ledger())
    for _ in range(times):
        [worker] = environment.workers(1)
        entry = _send_to_frozen_worker(environment, client, user, worker)
        worker.kill()
        environment.workers(1)
        environment.wait_until_completed(entry)
        assert entry.reply_id in environment.found_by_poll()
    account = environment.account("F3 killed while it receives a wake-up", times, client.ledger)
    assert account.failed == 0, account.remarks


def _send_to_frozen_worker(
    environment: Environment, client: CarefulClient, user: User, worker: Process
) -> Entry:
    """Send a message whose job Redis delivers to a worker that is frozen while it waits for one."""
    for _ in range(30):
        eventually(partial(_waiting_workers, environment), what="a waiting worker")
        worker.send(signal.SIGSTOP)
        if _waiting_workers(environment):
            published = _pushes(environment)
            entry = client.send(user, user.open_room())
            eventually(partial(_more_pushes, environment, published), what="a published job")
            if environment.stack.redis.llen("ai_processing") == 0:
                return entry
        worker.send(signal.SIGCONT)  # it was between two waits; retry
    raise AssertionError("the frozen worker received no job")


def _waiting_workers(environment: Environment) -> int:
    return int(environment.stack.redis.info("clients")["blocked_clients"])


def _pushes(environment: Environment) -> int:
    return int(environment.stack.redis.info("commandstats").get("cmdstat_lpush", {}).get("calls", 0))


def _more_pushes(environment: Environment, than: int) -> bool:
    return _pushes(environment) > than
