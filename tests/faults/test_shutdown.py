"""F11: told to stop: nothing is lost, nothing is done twice, and nobody notices."""

import signal
import threading
import time

import httpx

from tests.faults.bench import Bench
from tests.faults.conftest import Scale
from tests.faults.ledger import Entry, Ledger
from tests.faults.load import ANSWER, CarefulClient
from tests.support.process import Process
from tests.support.waiting import eventually

_RUNNING = 20
_LONG = "[sandbox:pieces=40] [sandbox:pace=100]"
_GRACE_SECONDS = 25
_SIGN_OF_LIFE_SECONDS = 2.5  # Celery's are two seconds apart


def _twenty_held_replies(bench: Bench, worker: Process, name: str) -> tuple[CarefulClient, list[Entry]]:
    """Replies that this worker is in the middle of, and will be until `name` is released."""
    bench.hold(name, after_pieces=3)
    person, client = bench.person(), CarefulClient(Ledger())
    entries = [client.send(person, person.open_room(), f"{ANSWER} {name}") for _ in range(_RUNNING)]
    eventually(lambda: bench.running(worker) == _RUNNING, what="twenty replies under way")
    return client, entries


def test_f11_a_worker_told_to_stop_finishes_its_twenty_replies_and_takes_no_other(bench: Bench) -> None:
    """Red without the drain: the replies are cut off, and are answered again by somebody else."""
    bench.workers(0)
    [worker] = bench.workers(1)
    client, entries = _twenty_held_replies(bench, worker, "finishing")
    worker.send(signal.SIGTERM)
    eventually(lambda: '"worker_draining"' in worker.log, what="the drain")
    late = client.send(person := bench.person(), person.open_room())
    bench.release("finishing")
    assert worker.popen.wait(_GRACE_SECONDS) == 0
    rows = [bench.reply(entry.reply_id) for entry in entries]
    assert {(row["status"], row["attempt"], row["losses"]) for row in rows} == {("completed", 1, 0)}
    assert bench.reply(late.reply_id)["attempt"] == 0
    bench.workers(1)
    bench.account("F11 SIGTERM with 20 running replies", 1, client.ledger)


def test_f11_a_worker_out_of_patience_hands_its_twenty_replies_back(bench: Bench) -> None:
    """Red without the hand-back: they wait until their leases run out, as if the worker had crashed."""
    bench.workers(0)
    leaving = bench.stack.start_worker(SHUTDOWN_GRACE_SECONDS="0")
    client, entries = _twenty_held_replies(bench, leaving, "impatience")
    assert leaving.stop(seconds=_GRACE_SECONDS) == 0
    rows = [bench.reply(entry.reply_id) for entry in entries]
    assert {(row["status"], row["losses"], row["retries"]) for row in rows} == {("pending", 1, 0)}
    bench.release("impatience")
    bench.workers(1)
    account = bench.account("F11 SIGTERM, grace over, 20 handed back", 1, client.ledger)
    assert (account.failed, account.losses) == (0, _RUNNING)


def test_f11_a_worker_told_to_stop_while_redis_is_away_ends_in_time(bench: Bench) -> None:
    """Red when Celery's sign of life is repeated until it gets through: nothing else is heard meanwhile."""
    bench.workers(0)
    worker = bench.stack.start_worker("--pool=solo")
    bench.hold("solo")
    client = CarefulClient(Ledger())
    entry = client.send(person := bench.person(), person.open_room(), f"{ANSWER} solo")
    bench.wait_for_call(entry, held=True)
    bench.valkey.kill()
    time.sleep(_SIGN_OF_LIFE_SECONDS)  # it is overdue when the reply is written
    bench.release("solo")
    bench.wait_until_completed(entry)
    time.sleep(1)  # for what would hold it up to have begun
    assert worker.stop(seconds=_GRACE_SECONDS) == 0
    bench.valkey.start()
    bench.workers(1)
    bench.account("F11 SIGTERM while Redis is down", 1, client.ledger)


def test_f11_nobody_notices_a_rolling_restart_of_the_workers(bench: Bench, scale: Scale) -> None:
    """People wait for their answers. Red without the drain, or when a wait ends in an error."""
    times = scale.times(2, 10)
    bench.workers(2)
    with bench.load(prefer="wait=30", per_second=4) as load:
        for _ in range(times):
            load.wait_for_more(4)
            old = bench.workers(2)[0]
            bench.adopt(bench.stack.start_worker())
            assert old.stop(seconds=_GRACE_SECONDS) == 0
        load.wait_for_more(4)
    account = bench.account("F11 rolling restart of the workers", times, load.ledger)
    assert (account.failed, account.losses, load.ledger.statuses()) == (0, 0, {201}), account.remarks


def test_f11_an_api_process_told_to_stop_answers_everybody_who_waits(bench: Bench) -> None:
    """Red without the end of all waits at SIGTERM: the process outlives its grace, or cuts people off."""
    bench.workers(1)
    url = bench.stack.start_api()
    leaving = bench.stack.processes[-1]
    people = [bench.person().at(url) for _ in range(5)]
    rooms = [person.open_room() for person in people]
    client = CarefulClient(Ledger(), prefer="wait=60")
    threads = [
        threading.Thread(target=client.send, args=(person, room, _LONG))
        for person, room in zip(people, rooms, strict=True)
    ]
    for thread in threads:
        thread.start()
    eventually(
        lambda: all(bench.stored(person.id) for person in people), what="five messages that are waited for"
    )
    assert leaving.stop(seconds=10) in (0, -15)
    for thread in threads:
        thread.join(10)
    bench.account("F11 SIGTERM of an API where 5 wait", 1, client.ledger)
    assert client.ledger.statuses() == {httpx.codes.ACCEPTED}
