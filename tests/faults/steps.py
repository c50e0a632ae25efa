"""Holding a worker at one step of its work from outside: by a lock, by the sandbox, at COMMIT."""

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg import sql

from tests.faults.bench import Bench
from tests.faults.ledger import Entry
from tests.support.process import Process

_COMMIT_LOCK = 4711
_FUNCTION = """
CREATE OR REPLACE FUNCTION hold_commit() RETURNS trigger LANGUAGE plpgsql AS
'BEGIN PERFORM pg_advisory_xact_lock_shared({lock}); RETURN NULL; END'
"""
_TRIGGER = """
CREATE CONSTRAINT TRIGGER hold_commit AFTER {event} ON messages
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION hold_commit()
"""

Change = tuple[LiteralString, LiteralString]
"""What happens to a row of `messages`, and which rows are meant."""
STORED: Change = ("INSERT", "TRUE")
CLAIM: Change = ("UPDATE", "OLD.status = 'pending' AND NEW.status = 'generating'")
COMPLETION: Change = ("UPDATE", "OLD.status = 'generating' AND NEW.status = 'completed'")


@dataclass(frozen=True, slots=True)
class Doomed:
    """A worker that is to die at one step of one reply."""

    bench: Bench
    entry: Entry
    worker: Process

    def die(self) -> None:
        """Kill it; another one comes, and meets what is still held."""
        self.worker.kill()
        self.bench.workers(1)


Step = Callable[[Doomed], AbstractContextManager[None]]
"""To be entered while the worker is frozen, and left once it goes on: waits for the step, kills, lets go."""


@contextmanager
def inside_the_claim(doomed: Doomed) -> Iterator[None]:
    """The claim waits in its commit, and PostgreSQL carries it out; the worker dies before it hears of it."""
    with held_commits(doomed.bench, CLAIM):
        yield
        doomed.bench.database.wait_for_blocked("-- claim_named")
        doomed.worker.send(signal.SIGSTOP)
    doomed.die()


@contextmanager
def after_the_claim(doomed: Doomed) -> Iterator[None]:
    """The sandbox has the call and says nothing."""
    doomed.bench.hold(doomed.entry.token)
    yield
    doomed.bench.wait_for_call(doomed.entry, held=True)
    doomed.die()
    doomed.bench.release(doomed.entry.token)


@contextmanager
def after_the_answer(doomed: Doomed) -> Iterator[None]:
    """The room's row is locked, so the transaction that ends the reply waits in its middle."""
    query = "SELECT FROM chatrooms WHERE id = %s::text::uuid FOR UPDATE"
    with doomed.bench.locked(query, doomed.entry.room):
        yield
        doomed.bench.database.wait_for_blocked("UPDATE chatrooms")
        doomed.die()


@contextmanager
def inside_a_commit_that_succeeds(doomed: Doomed) -> Iterator[None]:
    """PostgreSQL carries the COMMIT out, and the worker dies before it hears of it."""
    with held_commits(doomed.bench, COMPLETION):
        yield
        doomed.bench.database.wait_for_blocked("COMMIT")
        # Of a worker that is dead already the server would notice within half a second, and roll back.
        doomed.worker.send(signal.SIGSTOP)
    doomed.die()


@contextmanager
def inside_a_commit_that_fails(doomed: Doomed) -> Iterator[None]:
    """The worker dies in COMMIT, and so does its transaction."""
    with held_commits(doomed.bench, COMPLETION):
        yield
        backend = doomed.bench.database.wait_for_blocked("COMMIT")
        doomed.worker.kill()
        doomed.bench.terminate(backend)
        doomed.bench.workers(1)


@contextmanager
def held_commits(bench: Bench, change: Change) -> Iterator[None]:
    """Have every transaction that makes such a change wait in COMMIT."""
    event, when = change
    with psycopg.connect(bench.database.url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (_COMMIT_LOCK,))
        connection.execute(sql.SQL(_FUNCTION).format(lock=sql.SQL(str(_COMMIT_LOCK))))
        connection.execute(sql.SQL(_TRIGGER).format(event=sql.SQL(event), when=sql.SQL(when)))
        try:
            yield
        finally:
            connection.execute("SELECT pg_advisory_unlock(%s)", (_COMMIT_LOCK,))
            connection.execute("DROP TRIGGER hold_commit ON messages")
