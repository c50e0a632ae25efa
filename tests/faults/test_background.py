"""Background tasks continue after an unexpected error."""

import threading
from functools import partial
from typing import LiteralString

from tests.faults.environment import Environment
from tests.faults.ledger import Entry, Ledger
from tests.faults.load import ANSWER, CarefulClient
from tests.support.listener import Listener
from tests.support.user import User, ok
from tests.support.waiting import eventually

_LONG_LEASE = "120"
"""Seconds, so that no other worker takes the reply over."""


def _fail(environment: Environment, table: LiteralString, *works: str) -> None:
    """Make a table unreadable until each of these background tasks has failed because of it."""
    seen = len(environment.stack.logs())
    with environment.database.unreadable(table):
        for work in works:
            failed = partial(_has_failed, environment, work, since=seen)
            eventually(failed, what=f"a failed {work}")


def _has_failed(environment: Environment, work: str, *, since: int) -> bool:
    return f'"work": "{work}"' in environment.stack.logs()[since:]


def test_a_worker_whose_heartbeat_failed_sends_the_next(environment: Environment) -> None:
    """Red when an unexpected error ends the heartbeat: a working worker counts as dead for ever."""
    environment.workers(0)
    environment.workers(1)
    _fail(environment, "worker_heartbeats", "heartbeat")
    environment.database.run("UPDATE worker_heartbeats SET seen_at = now() - interval '1 minute'")
    eventually(
        lambda: ok(environment.user().http.get("/health"))["status"] == "healthy", what="a worker alive"
    )


def test_a_reply_is_cancelled_after_the_poll_for_cancelled_replies_has_failed(
    environment: Environment,
) -> None:
    """Red when an unexpected error ends the lease keeper: nothing is cancelled, and leases expire."""
    environment.workers(0)
    environment.adopt(environment.stack.start_worker(REPLY_LEASE_SECONDS=_LONG_LEASE))
    user, entry = _held_reply(environment)
    _fail(environment, "messages", "leases")
    cancelled = ok(user.http.post(f"/chatroom/{entry.room}/message/{entry.reply_id}/cancel"))
    assert cancelled["status"] == "cancelled"
    environment.workers(0)


def test_a_stream_without_events_ends_after_the_poll_for_its_end_has_failed(
    environment: Environment,
) -> None:
    """Red when an unexpected error ends the poll of quiet streams: this worker's events reach no client."""
    environment.workers(0)
    nowhere = {"REDIS_URL": "redis://127.0.0.1:1/0", "CELERY_BROKER_URL": environment.valkey.url()}
    environment.adopt(environment.stack.start_worker(REPLY_LEASE_SECONDS=_LONG_LEASE, **nowhere))
    user, entry = _held_reply(environment)
    listener = Listener()
    address = f"/chatroom/{entry.room}/message/{entry.reply_id}/events"
    hearing = threading.Thread(target=listener.listen, args=(user, address))
    hearing.start()
    eventually(lambda: listener.text, what="the first text")
    _fail(environment, "messages", "reply-feed")
    environment.release("[held]")
    hearing.join(30)
    assert listener.text == environment.wait_until_completed(entry)["content"]
    environment.workers(0)


def _held_reply(environment: Environment) -> tuple[User, Entry]:
    """Send a message whose reply pauses after its first chunks."""
    user, client = environment.user(), CarefulClient(Ledger())
    environment.hold("[held]", after_pieces=2)
    entry = client.send(user, user.open_room(), ANSWER + " [held]", is_whole=False)
    environment.wait_for_call(entry)
    environment.wait_for_pieces(entry, 2)
    return user, entry
