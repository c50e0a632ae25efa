"""Work in the background that fails as nobody expected goes on, and with it what depends on it."""

import threading
from functools import partial
from typing import LiteralString

from tests.faults.environment import Environment
from tests.faults.ledger import Entry, Ledger
from tests.faults.load import ANSWER, CarefulClient
from tests.support.listener import Listener
from tests.support.person import Person, ok
from tests.support.waiting import eventually

_LONG_LEASE = "120"
"""Seconds, so that nobody else ends the reply."""


def _fail(environment: Environment, table: LiteralString, *works: str) -> None:
    """Have a table fail in an unexpected way until all these works have failed for it."""
    seen = len(environment.stack.logs())
    with environment.database.unreadable(table):
        for work in works:
            failed = partial(_has_failed, environment, work, since=seen)
            eventually(failed, what=f"a failed {work}")


def _has_failed(environment: Environment, work: str, *, since: int) -> bool:
    return f'"work": "{work}"' in environment.stack.logs()[since:]


def test_a_worker_that_could_not_give_a_sign_of_life_gives_the_next(environment: Environment) -> None:
    """Red when an unexpected error ends the heartbeat: the worker works, and counts as dead for ever."""
    environment.workers(0)
    environment.workers(1)
    _fail(environment, "worker_heartbeats", "heartbeat")
    environment.database.run("UPDATE worker_heartbeats SET seen_at = now() - interval '1 minute'")
    eventually(
        lambda: ok(environment.person().http.get("/health"))["status"] == "healthy", what="a worker alive"
    )


def test_a_reply_is_cancelled_after_the_looking_for_cancelled_ones_has_failed(
    environment: Environment,
) -> None:
    """Red when an unexpected error ends the care of leases: nothing is cancelled, and leases run out."""
    environment.workers(0)
    environment.adopt(environment.stack.start_worker(REPLY_LEASE_SECONDS=_LONG_LEASE))
    person, entry = _held_reply(environment)
    _fail(environment, "messages", "leases")
    cancelled = ok(person.http.post(f"/chatroom/{entry.room}/message/{entry.reply_id}/cancel"))
    assert cancelled["status"] == "cancelled"
    environment.workers(0)


def test_a_stream_of_which_nothing_is_heard_ends_after_the_looking_for_its_end_has_failed(
    environment: Environment,
) -> None:
    """Red when an unexpected error ends the look after quiet streams: this worker's events reach nobody."""
    environment.workers(0)
    nowhere = {"REDIS_URL": "redis://127.0.0.1:1/0", "CELERY_BROKER_URL": environment.valkey.url()}
    environment.adopt(environment.stack.start_worker(REPLY_LEASE_SECONDS=_LONG_LEASE, **nowhere))
    person, entry = _held_reply(environment)
    listener = Listener()
    address = f"/chatroom/{entry.room}/message/{entry.reply_id}/events"
    hearing = threading.Thread(target=listener.listen, args=(person, address))
    hearing.start()
    eventually(lambda: listener.text, what="the beginning of the answer")
    _fail(environment, "messages", "reply-feed")
    environment.release("[held]")
    hearing.join(30)
    assert listener.text == environment.wait_until_completed(entry)["content"]
    environment.workers(0)


def _held_reply(environment: Environment) -> tuple[Person, Entry]:
    """A reply that stands still after its first pieces."""
    person, client = environment.person(), CarefulClient(Ledger())
    environment.hold("[held]", after_pieces=2)
    entry = client.send(person, person.open_room(), ANSWER + " [held]", is_whole=False)
    environment.wait_for_call(entry)
    environment.wait_for_pieces(entry, 2)
    return person, entry
