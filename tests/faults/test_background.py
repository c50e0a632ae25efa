"""Work in the background that fails as nobody expected goes on, and with it what depends on it."""

import threading
from functools import partial
from typing import LiteralString

from tests.faults.bench import Bench
from tests.faults.ledger import Entry, Ledger
from tests.faults.load import ANSWER, CarefulClient
from tests.support.listener import Listener
from tests.support.person import Person, ok
from tests.support.waiting import eventually

_LONG_LEASE = "120"
"""Seconds, so that nobody else ends the reply."""


def _fail(bench: Bench, table: LiteralString, *works: str) -> None:
    """Have a table fail in an unexpected way until all these works have failed for it."""
    seen = len(bench.stack.logs())
    with bench.database.unreadable(table):
        for work in works:
            failed = partial(_has_failed, bench, work, since=seen)
            eventually(failed, what=f"a failed {work}")


def _has_failed(bench: Bench, work: str, *, since: int) -> bool:
    return f'"work": "{work}"' in bench.stack.logs()[since:]


def test_a_worker_that_could_not_give_a_sign_of_life_gives_the_next(bench: Bench) -> None:
    """Red when an unexpected error ends the heartbeat: the worker works, and counts as dead for ever."""
    bench.workers(0)
    bench.workers(1)
    _fail(bench, "worker_heartbeats", "heartbeat")
    bench.database.run("UPDATE worker_heartbeats SET seen_at = now() - interval '1 minute'")
    eventually(lambda: ok(bench.person().http.get("/health"))["status"] == "healthy", what="a worker alive")


def test_a_reply_is_cancelled_after_the_looking_for_cancelled_ones_has_failed(bench: Bench) -> None:
    """Red when an unexpected error ends the care of leases: nothing is cancelled, and leases run out."""
    bench.workers(0)
    bench.adopt(bench.stack.start_worker(REPLY_LEASE_SECONDS=_LONG_LEASE))
    person, entry = _held_reply(bench)
    _fail(bench, "messages", "leases")
    cancelled = ok(person.http.post(f"/chatroom/{entry.room}/message/{entry.reply_id}/cancel"))
    assert cancelled["status"] == "cancelled"
    bench.workers(0)


def test_a_stream_of_which_nothing_is_heard_ends_after_the_looking_for_its_end_has_failed(
    bench: Bench,
) -> None:
    """Red when an unexpected error ends the look after quiet streams: this worker's events reach nobody."""
    bench.workers(0)
    nowhere = {"REDIS_URL": "redis://127.0.0.1:1/0", "CELERY_BROKER_URL": bench.valkey.url()}
    bench.adopt(bench.stack.start_worker(REPLY_LEASE_SECONDS=_LONG_LEASE, **nowhere))
    person, entry = _held_reply(bench)
    listener = Listener()
    address = f"/chatroom/{entry.room}/message/{entry.reply_id}/events"
    hearing = threading.Thread(target=listener.listen, args=(person, address))
    hearing.start()
    eventually(lambda: listener.text, what="the beginning of the answer")
    _fail(bench, "messages", "reply-feed")
    bench.release("[held]")
    hearing.join(30)
    assert listener.text == bench.wait_until_completed(entry)["content"]
    bench.workers(0)


def _held_reply(bench: Bench) -> tuple[Person, Entry]:
    """A reply that stands still after its first pieces."""
    person, client = bench.person(), CarefulClient(Ledger())
    bench.hold("[held]", after_pieces=2)
    entry = client.send(person, person.open_room(), ANSWER + " [held]", is_whole=False)
    bench.wait_for_call(entry)
    bench.wait_for_pieces(entry, 2)
    return person, entry
