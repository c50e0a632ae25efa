"""Hold a worker at one step of its work from outside: by a lock, by the sandbox, or in COMMIT."""

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg import sql

from tests.faults.environment import Environment
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
"""A kind of change to a row of `messages`, and a condition on the row."""
STORED: Change = ("INSERT", "TRUE")
CLAIM: Change = ("UPDATE", "OLD.status = 'pending' AND NEW.status = 'generating'")
COMPLETION: Change = ("UPDATE", "OLD.status = 'generating' AND NEW.status = 'completed'")


@dataclass(frozen=True, slots=True)
class Doomed:
    """A worker to be killed at one step of one reply."""

    environment: Environment
    entry: Entry
    worker: Process

    def die(self) -> None:
        """Kill the worker and start another one, while the step is still held."""
        self.worker.kill()
        self.environment.workers(1)


Step = Callable[[Doomed], AbstractContextManager[None]]
"""Context entered while the worker is frozen. On exit it waits for the step, kills, and lifts the hold."""


@contextmanager
def inside_the_claim(doomed: Doomed) -> Iterator[None]:
    """Kill the worker while the claim waits in COMMIT; PostgreSQL then commits it."""
    with held_commits(doomed.environment, CLAIM):
        yield
        doomed.environment.database.wait_for_blocked("-- claim_named")
        doomed.worker.send(signal.SIGSTOP)
    doomed.die()


@contextmanager
def after_the_claim(doomed: Doomed) -> Iterator[None]:
    """Kill the worker while the sandbox holds its call before the first chunk."""
    doomed.environment.hold(doomed.entry.token)
    yield
    doomed.environment.wait_for_call(doomed.entry, held=True)
    doomed.die()
    doomed.environment.release(doomed.entry.token)


@contextmanager
def after_the_answer(doomed: Doomed) -> Iterator[None]:
    """Kill the worker inside the transaction that ends the reply, which waits for the day's row."""
    query = (
        "SELECT FROM daily_usage WHERE user_id ="
        " (SELECT user_id FROM chatrooms WHERE id = %s::text::uuid) FOR UPDATE"
    )
    with doomed.environment.locked(query, doomed.entry.room):
        yield
        doomed.environment.database.wait_for_blocked("-- add_tokens")
        doomed.die()


@contextmanager
def inside_a_commit_that_succeeds(doomed: Doomed) -> Iterator[None]:
    """Kill the worker before it learns that PostgreSQL has committed."""
    with held_commits(doomed.environment, COMPLETION):
        yield
        doomed.environment.database.wait_for_blocked("COMMIT")
        # If the worker were killed earlier, the server would notice within half a second and roll back.
        doomed.worker.send(signal.SIGSTOP)
    doomed.die()


@contextmanager
def inside_a_commit_that_fails(doomed: Doomed) -> Iterator[None]:
    """Kill the worker in COMMIT, and end its transaction."""
    with held_commits(doomed.environment, COMPLETION):
        yield
        backend = doomed.environment.database.wait_for_blocked("COMMIT")
        doomed.worker.kill()
        doomed.environment.terminate(backend)
        doomed.environment.workers(1)


@contextmanager
def held_commits(environment: Environment, change: Change) -> Iterator[None]:
    """Hold every transaction that makes such a change in COMMIT."""
    event, when = change
    with psycopg.connect(environment.database.url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (_COMMIT_LOCK,))
        connection.execute(sql.SQL(_FUNCTION).format(lock=sql.SQL(str(_COMMIT_LOCK))))
        connection.execute(sql.SQL(_TRIGGER).format(event=sql.SQL(event), when=sql.SQL(when)))
        try:
            yield
        finally:
            connection.execute("SELECT pg_advisory_unlock(%s)", (_COMMIT_LOCK,))
            connection.execute("DROP TRIGGER hold_commit ON messages")
