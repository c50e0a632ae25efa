"""Every process is replaced by one of another release under load, on both schemas; no client notices."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.faults.accounting import settle
from tests.faults.balancer import Balancer, balancer
from tests.faults.clients import Clients
from tests.faults.environment import Environment
from tests.faults.table import Line
from tests.support.process import Process
from tests.support.release import Release, last_release
from tests.support.stack import Stack, alembic

_REQUESTS = 10_000
_BETWEEN = 400
_SECONDS_TO_STOP = 40
_LATER_SCHEMA = """
ALTER TABLE messages ADD COLUMN of_a_later_release text;
ALTER TABLE users ADD COLUMN of_a_later_release boolean DEFAULT false NOT NULL;
CREATE TABLE of_a_later_release (id uuid PRIMARY KEY);
UPDATE alembic_version SET version_num = 'later';
"""


@dataclass
class Fleet:
    """Two API processes behind nginx and two workers, which are replaced one at a time."""

    stack: Stack
    balancer: Balancer
    release: Release
    api: list[tuple[str, Process]] = field(default_factory=list)
    workers: list[Process] = field(default_factory=list)

    def start(self) -> None:
        """Start all four processes with the code of the last release."""
        self.api = [self._new_api(self.release.settings) for _ in range(2)]
        self.workers = [self._new_worker(self.release.settings) for _ in range(2)]
        self.balancer.start([address for address, _ in self.api])
        self.stack.base_url = self.balancer.url

    def replace_one(self, number: int, settings: dict[str, str]) -> None:
        """Replace an API process and a worker: start the new one, then let the old one finish and stop."""
        address, leaving = self.api[number]
        self.api[number] = self._new_api(settings)
        self.balancer.use([address for address, _ in self.api])
        assert leaving.stop(seconds=_SECONDS_TO_STOP) in (0, -15), address
        worker = self.workers[number]
        self.workers[number] = self._new_worker(settings)
        assert worker.stop(seconds=_SECONDS_TO_STOP) == 0

    def _new_api(self, settings: dict[str, str]) -> tuple[str, Process]:
        address = self.stack.start_api(TRUSTED_PROXIES="127.0.0.1", **settings)
        return address, self.stack.processes[-1]

    def _new_worker(self, settings: dict[str, str]) -> Process:
        return self.stack.start_worker(**settings)


@contextmanager
def _fleet(environment: Environment, folder: Path) -> Iterator[Fleet]:
    """Run the last release on its own schema, in a database of its own."""
    environment.workers(0)  # they share the queue
    release = last_release(folder / "release")
    stack = Stack(
        database_url=environment.postgres.url("postgres"), redis_url=environment.valkey.url(), folder=folder
    )
    release.migrate(stack.database.url)
    try:
        stack.start_sandbox()
        with balancer() as before_all:
            fleet = Fleet(stack, before_all, release)
            fleet.start()
            yield fleet
    finally:
        stack.stop()


@pytest.mark.slow
def test_f17_no_client_notices_an_upgrade_a_later_schema_and_a_rollback(
    environment: Environment, tmp_path: Path
) -> None:
    """No error in 10,000 requests, no stream without its `end`, nothing lost or doubled.

    The last release runs on its schema; the schema is migrated; each process is replaced by this code; the
    schema gets changes of a later release; one of each is replaced again; all are replaced by the last
    release. Red when a migration drops or renames what the last release reads, when a stopping process cuts
    a request or a stream, or when a process refuses a later schema.
    """
    with _fleet(environment, tmp_path) as fleet:
        stack = fleet.stack
        users = [stack.user() for _ in range(4)]
        for user in users:
            stack.make_pro(user)
        with Clients(users) as clients:
            clients.wait_for_more(_BETWEEN)
            alembic(stack.database.url, "upgrade", "head")
            clients.wait_for_more(_BETWEEN)
            for number in (0, 1):
                fleet.replace_one(number, {})
                clients.wait_for_more(_BETWEEN)
            stack.database.run(_LATER_SCHEMA)
            fleet.replace_one(0, {})
            clients.wait_for_more(_BETWEEN)
            for number in (0, 1):
                fleet.replace_one(number, fleet.release.settings)
                clients.wait_for_more(_BETWEEN)
            clients.wait_for(_REQUESTS)
        record = clients.record
        account = settle(record.ledger, stack.database)
        environment.lines.append(
            Line("F17 replaced", "5", account.accepted, account.lost, account.doubled, record.ledger.slowest)
        )
        assert record.ledger.surprises == []
        assert record.total >= _REQUESTS
        assert (account.lost, account.doubled, account.failed, account.losses) == (0, 0, 0, 0), (
            account.remarks
        )
        assert max(stream.connections for stream in record.streams) > 1, "no stream was continued"
        for stream in record.streams:
            [row] = stack.database.rows(
                "SELECT content FROM messages WHERE id = %s::text::uuid", stream.reply_id
            )
            assert stream.listener.has_ended
            assert stream.listener.text == row["content"]
