"""F4 and F7: Redis that comes back empty, is emptied, or is full."""

import signal

from tests.faults.bench import Bench
from tests.faults.conftest import Scale
from tests.faults.kicks import wait_for_a_kick
from tests.faults.ledger import Ledger
from tests.faults.load import ANSWER, CarefulClient
from tests.support.waiting import eventually

_CONSUMES_AGAIN_SECONDS = 15
_PLACES = 2


def test_f4_a_worker_goes_on_taking_jobs_after_redis_was_killed_and_came_back_empty(
    bench: Bench, scale: Scale
) -> None:
    """Red with late acknowledgement: kombu ends a threads worker whose jobs run when Redis restarts."""
    times = scale.times(2, 5)
    [worker], prober = bench.workers(1), bench.person()
    with bench.load() as load:
        for _ in range(times):
            eventually(lambda: bench.running(worker) > 0, what="a reply under way")
            bench.valkey.kill()
            bench.valkey.erase()
            load.wait_for_more(10)
            bench.valkey.start()
            wait_for_a_kick(bench, prober, worker, seconds=_CONSUMES_AGAIN_SECONDS)
    account = bench.account("F4 Redis killed and restarted empty", times, load.ledger)
    assert (account.failed, load.ledger.statuses()) == (0, {202}), account.remarks


def test_f4_a_busy_worker_that_has_fetched_ahead_outlives_redis(bench: Bench, scale: Scale) -> None:
    """Red when kombu may give jobs back on closing: it fails at a lost connection, and ends the worker."""
    times = scale.times(4, 20)
    for spare in bench.workers(1):
        spare.kill()
    worker = bench.stack.start_worker(f"--concurrency={_PLACES}")
    bench.adopt(worker)
    people, prober, client = [bench.person() for _ in range(_PLACES)], bench.person(), CarefulClient(Ledger())
    try:
        for _ in range(times):
            bench.hold("[held]")
            running = [
                client.send(person, person.open_room(), f"{ANSWER} [held]", is_whole=True)
                for person in people
            ]
            for entry in running:
                bench.wait_for_call(entry, held=True)
            ahead = client.send(people[0], people[0].open_room())
            eventually(lambda: bench.stack.redis.llen("ai_processing") == 0, what="a job fetched ahead")
            bench.valkey.kill()
            bench.release("[held]")
            bench.wait_until_completed(ahead)
            bench.valkey.start()
            wait_for_a_kick(bench, prober, worker, seconds=_CONSUMES_AGAIN_SECONDS)
    finally:
        worker.kill()
    account = bench.account("F4 Redis killed, jobs fetched ahead", times, client.ledger)
    assert (account.failed, account.losses, client.ledger.statuses()) == (0, 0, {202}), account.remarks


def test_f4_an_emptied_redis_loses_no_message(bench: Bench, scale: Scale) -> None:
    """Red without the poll: the jobs were in Redis only."""
    times = scale.times(10, 100)
    [worker], prober = bench.workers(1), bench.person()
    with bench.load(per_second=8) as load:
        for _ in range(times):
            worker.send(signal.SIGSTOP)  # so that jobs wait in Redis when it is emptied
            load.wait_for_more(4)
            bench.stack.redis.flushall()
            worker.send(signal.SIGCONT)
        wait_for_a_kick(bench, prober, worker, seconds=_CONSUMES_AGAIN_SECONDS)
    account = bench.account("F4 FLUSHALL", times, load.ledger)
    assert (account.failed, load.ledger.statuses()) == (0, {202}), account.remarks


def test_f7_messages_are_accepted_and_answered_while_redis_is_full(bench: Bench, scale: Scale) -> None:
    """Red when a full Redis ends the worker, or its errors reach people; and without the poll."""
    seconds = scale.times(5, 60)
    [worker] = bench.workers(1)
    prober, client = bench.person(), CarefulClient(Ledger())
    with bench.load() as load:
        worker.send(signal.SIGSTOP)
        load.wait_for_more(4)  # jobs that the worker will take out of a Redis in which it can note nothing
        bench.stack.redis.config_set("maxmemory", "1")
        try:
            worker.send(signal.SIGCONT)
            load.last_for(seconds)
            entry = client.send(prober, prober.open_room(), ANSWER)
            eventually(lambda: bench.reply(entry.reply_id)["status"] == "completed", what="the reply")
        finally:
            bench.stack.redis.config_set("maxmemory", "0")
        wait_for_a_kick(bench, prober, worker, seconds=_CONSUMES_AGAIN_SECONDS)
    account = bench.account("F7 Redis full", f"{seconds} s", load.ledger)
    assert (account.failed, load.ledger.statuses()) == (0, {202}), account.remarks
