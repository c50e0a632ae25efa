"""F4 and F7: Redis restarted empty, emptied, or full."""

import signal

from tests.faults.conftest import Scale
from tests.faults.environment import Environment
from tests.faults.ledger import Ledger
from tests.faults.load import ANSWER, CarefulClient
from tests.faults.wakeups import wait_for_wakeup
from tests.support.waiting import eventually

_CONSUMES_AGAIN_SECONDS = 15
_PLACES = 2


def test_f4_a_worker_receives_jobs_after_redis_was_killed_and_restarted_empty(
    environment: Environment, scale: Scale
) -> None:
    """Red with late acknowledgement: kombu ends a threads worker with running jobs when Redis restarts."""
    times = scale.times(2, 5)
    [worker], prober = environment.workers(1), environment.user()
    with environment.load() as load:
        for _ in range(times):
            eventually(lambda: environment.running(worker) > 0, what="a running reply")
            environment.valkey.kill()
            environment.valkey.erase()
            load.wait_for_more(10)
            environment.valkey.start()
            wait_for_wakeup(environment, prober, worker, seconds=_CONSUMES_AGAIN_SECONDS)
    account = environment.account("F4 Redis killed and restarted empty", times, load.ledger)
    assert (account.failed, load.ledger.statuses()) == (0, {202}), account.remarks


def test_f4_a_busy_worker_with_prefetched_jobs_survives_a_restart_of_redis(
    environment: Environment, scale: Scale
) -> None:
    """Red when kombu may restore jobs at close: it fails on a lost connection, and ends the worker."""
    times = scale.times(4, 20)
    for spare in environment.workers(1):
        spare.kill()
    worker = environment.stack.start_worker(f"--concurrency={_PLACES}")
    environment.adopt(worker)
    users, prober, client = (
        [environment.user() for _ in range(_PLACES)],
        environment.user(),
        CarefulClient(Ledger()),
    )
    try:
        for _ in range(times):
            environment.hold("[held]")
            running = [
                client.send(user, user.open_room(), f"{ANSWER} [held]", is_whole=True) for user in users
            ]
            for entry in running:
                environment.wait_for_call(entry, held=True)
            ahead = client.send(users[0], users[0].open_room())
            eventually(lambda: environment.stack.redis.llen("ai_processing") == 0, what="a prefetched job")
            environment.valkey.kill()
            environment.release("[held]")
            environment.wait_until_completed(ahead)
            environment.valkey.start()
            wait_for_wakeup(environment, prober, worker, seconds=_CONSUMES_AGAIN_SECONDS)
    finally:
        worker.kill()
    account = environment.account("F4 Redis killed, jobs fetched ahead", times, client.ledger)
    assert (account.failed, account.losses, client.ledger.statuses()) == (0, 0, {202}), account.remarks


def test_f4_an_emptied_redis_loses_no_message(environment: Environment, scale: Scale) -> None:
    """Red without the poll: the jobs were only in Redis."""
    times = scale.times(10, 100)
    [worker], prober = environment.workers(1), environment.user()
    with environment.load(per_second=8) as load:
        for _ in range(times):
            worker.send(signal.SIGSTOP)  # jobs then wait in Redis when it is emptied
            load.wait_for_more(4)
            environment.stack.redis.flushall()
            worker.send(signal.SIGCONT)
        wait_for_wakeup(environment, prober, worker, seconds=_CONSUMES_AGAIN_SECONDS)
    account = environment.account("F4 FLUSHALL", times, load.ledger)
    assert (account.failed, load.ledger.statuses()) == (0, {202}), account.remarks


def test_f7_messages_are_accepted_and_answered_while_redis_is_full(
    environment: Environment, scale: Scale
) -> None:
    """Red when a full Redis ends the worker, or its errors reach clients; and without the poll."""
    seconds = scale.times(5, 60)
    [worker] = environment.workers(1)
    prober, client = environment.user(), CarefulClient(Ledger())
    with environment.load() as load:
        worker.send(signal.SIGSTOP)
        load.wait_for_more(4)  # jobs that the worker receives from a Redis that accepts no writes
        environment.stack.redis.config_set("maxmemory", "1")
        try:
            worker.send(signal.SIGCONT)
            load.last_for(seconds)
            entry = client.send(prober, prober.open_room(), ANSWER)
            eventually(lambda: environment.reply(entry.reply_id)["status"] == "completed", what="the reply")
        finally:
            environment.stack.redis.config_set("maxmemory", "0")
        wait_for_wakeup(environment, prober, worker, seconds=_CONSUMES_AGAIN_SECONDS)
    account = environment.account("F7 Redis full", f"{seconds} s", load.ledger)
    assert (account.failed, load.ledger.statuses()) == (0, {202}), account.remarks
