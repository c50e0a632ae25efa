"""F11: a shutdown loses nothing, repeats nothing, and causes no error at a client."""

import signal
import threading
import time

import httpx

from tests.faults.conftest import Scale
from tests.faults.environment import Environment
from tests.faults.ledger import Entry, Ledger
from tests.faults.load import ANSWER, CarefulClient
from tests.support.process import Process
from tests.support.waiting import eventually

_RUNNING = 20
_LONG = "[sandbox:pieces=40] [sandbox:pace=100]"
_GRACE_SECONDS = 25
_HEARTBEAT_SECONDS = 2.5  # Celery sends one every two seconds


def _twenty_held_replies(
    environment: Environment, worker: Process, name: str
) -> tuple[CarefulClient, list[Entry]]:
    """Start replies on this worker that stay unfinished until `name` is released."""
    environment.hold(name, after_pieces=3)
    user, client = environment.user(), CarefulClient(Ledger())
    entries = [client.send(user, user.open_room(), f"{ANSWER} {name}") for _ in range(_RUNNING)]
    eventually(lambda: environment.running(worker) == _RUNNING, what="twenty running replies")
    return client, entries


def test_f11_a_worker_at_sigterm_finishes_its_twenty_replies_and_claims_no_other(
    environment: Environment,
) -> None:
    """Red without the drain: the replies are interrupted, and generated again by another worker."""
    environment.workers(0)
    [worker] = environment.workers(1)
    client, entries = _twenty_held_replies(environment, worker, "finishing")
    worker.send(signal.SIGTERM)
    eventually(lambda: '"worker_draining"' in worker.log, what="the drain")
    late = client.send(user := environment.user(), user.open_room())
    environment.release("finishing")
    assert worker.popen.wait(_GRACE_SECONDS) == 0
    rows = [environment.reply(entry.reply_id) for entry in entries]
    assert {(row["status"], row["attempt"], row["losses"]) for row in rows} == {("completed", 1, 0)}
    assert environment.reply(late.reply_id)["attempt"] == 0
    environment.workers(1)
    environment.account("F11 SIGTERM with 20 running replies", 1, client.ledger)


def test_f11_a_worker_after_its_grace_period_releases_its_twenty_replies(environment: Environment) -> None:
    """Red without the release: they wait until their leases expire, as after a crash."""
    environment.workers(0)
    leaving = environment.stack.start_worker(SHUTDOWN_GRACE_SECONDS="0")
    client, entries = _twenty_held_replies(environment, leaving, "impatience")
    assert leaving.stop(seconds=_GRACE_SECONDS) == 0
    rows = [environment.reply(entry.reply_id) for entry in entries]
    assert {(row["status"], row["losses"], row["retries"]) for row in rows} == {("pending", 1, 0)}
    environment.release("impatience")
    environment.workers(1)
    account = environment.account("F11 SIGTERM, grace over, 20 handed back", 1, client.ledger)
    assert (account.failed, account.losses) == (0, _RUNNING)


def test_f11_a_worker_at_sigterm_ends_in_time_while_redis_is_unavailable(environment: Environment) -> None:
    """Red when Celery retries its heartbeat until it succeeds: the worker handles nothing else meanwhile."""
    environment.workers(0)
    worker = environment.stack.start_worker("--pool=solo")
    environment.hold("solo")
    client = CarefulClient(Ledger())
    entry = client.send(user := environment.user(), user.open_room(), f"{ANSWER} solo")
    environment.wait_for_call(entry, held=True)
    environment.valkey.kill()
    time.sleep(_HEARTBEAT_SECONDS)  # a heartbeat is overdue when the reply ends
    environment.release("solo")
    environment.wait_until_completed(entry)
    time.sleep(1)  # until a blocking retry would have started
    assert worker.stop(seconds=_GRACE_SECONDS) == 0
    environment.valkey.start()
    environment.workers(1)
    environment.account("F11 SIGTERM while Redis is down", 1, client.ledger)


def test_f11_no_client_notices_a_rolling_restart_of_the_workers(
    environment: Environment, scale: Scale
) -> None:
    """Clients wait for their replies. Red without the drain, or when a wait ends in an error."""
    times = scale.times(2, 10)
    environment.workers(2)
    with environment.load(prefer="wait=30", per_second=4) as load:
        for _ in range(times):
            load.wait_for_more(4)
            old = environment.workers(2)[0]
            environment.adopt(environment.stack.start_worker())
            assert old.stop(seconds=_GRACE_SECONDS) == 0
        load.wait_for_more(4)
    account = environment.account("F11 rolling restart of the workers", times, load.ledger)
    assert (account.failed, account.losses, load.ledger.statuses()) == (0, 0, {201}), account.remarks


def test_f11_an_api_process_at_sigterm_answers_every_waiting_request(environment: Environment) -> None:
    """Red when waits do not end at SIGTERM: the process exceeds its grace period, or cuts clients off."""
    environment.workers(1)
    url = environment.stack.start_api()
    leaving = environment.stack.processes[-1]
    users = [environment.user().at(url) for _ in range(5)]
    rooms = [user.open_room() for user in users]
    client = CarefulClient(Ledger(), prefer="wait=60")
    threads = [
        threading.Thread(target=client.send, args=(user, room, _LONG))
        for user, room in zip(users, rooms, strict=True)
    ]
    for thread in threads:
        thread.start()
    eventually(
        lambda: all(environment.stored(user.id) for user in users),
        what="five waiting requests",
    )
    assert leaving.stop(seconds=10) in (0, -15)
    for thread in threads:
        thread.join(10)
    environment.account("F11 SIGTERM of an API where 5 wait", 1, client.ledger)
    assert client.ledger.statuses() == {httpx.codes.ACCEPTED}
