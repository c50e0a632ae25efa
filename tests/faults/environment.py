"""Servers and processes of the fault tests, which they kill, freeze and restart."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import LiteralString

import httpx
import psycopg

from devtools.postgres import Postgres
from devtools.servers import Server
from devtools.valkey import Valkey
from tests.faults.accounting import Account, settle
from tests.faults.ledger import Entry, Ledger
from tests.faults.load import Load
from tests.faults.table import Line
from tests.support.database import Database, Row
from tests.support.process import Process
from tests.support.stack import Stack
from tests.support.user import Json, User
from tests.support.waiting import eventually

_LAST_WORDS = 3000
_OVER = ("reply_recorded", "reply_fenced_off", "reply_not_recorded", "reply_lease_lost")


class Environment:
    """One database, Redis, sandbox and API process for all faults; workers as each test needs."""

    def __init__(self, postgres: Postgres, valkey: Valkey, folder: Path, lines: list[Line]) -> None:
        self.postgres = postgres
        self.valkey = valkey
        self.lines = lines
        self.stack = Stack(database_url=postgres.url("postgres"), redis_url=valkey.url(), folder=folder)
        self._workers: list[Process] = []

    @property
    def database(self) -> Database:
        """The database, to read rows."""
        return self.stack.database

    def open(self) -> None:
        """Start the processes that last for the whole run."""
        self.stack.migrate()
        self.stack.start_sandbox()
        self.stack.base_url = self.stack.start_api()

    def repair(self) -> None:
        """Restore running servers without holds or unfinished replies, whatever the last test left behind."""
        for server in (self.postgres, self.valkey):
            if server.process is None or server.has_ended():
                server.start()
            thaw(server)
        if self.stack.sandbox_url:
            httpx.post(f"{self.stack.sandbox_url}/sandbox/release").raise_for_status()
        for process in self.stack.processes:
            is_strange = process.name == "worker" and process not in self._workers
            if is_strange and process.popen.poll() is None:
                process.kill()

    def workers(self, count: int) -> list[Process]:
        """Start or stop workers until `count` run with the settings of the stack, and return them."""
        self._workers = [worker for worker in self._workers if worker.popen.poll() is None]
        while len(self._workers) > count:
            self._workers.pop().kill()
        while len(self._workers) < count:
            self._workers.append(self.stack.start_worker())
        return list(self._workers)

    def adopt(self, worker: Process) -> None:
        """Include a worker that a test has started in `workers`."""
        self._workers.append(worker)

    def user(self) -> User:
        """Sign up a new user with Pro."""
        user = self.stack.user()
        self.stack.make_pro(user)
        return user

    def load(
        self,
        *,
        per_second: float = 5,
        users: int = 4,
        prefer: str = "respond-async",
        at: tuple[str, ...] = (),
    ) -> Load:
        """Return a load of new users; `at` names API processes other than the usual one."""
        first, *others = at or (self.stack.base_url,)
        writers = [self.user().at(first) for _ in range(users)]
        everywhere = [(writer, *(writer.at(other) for other in others)) for writer in writers]
        return Load(everywhere, per_second=per_second, prefer=prefer)

    def account(self, fault: str, times: int | str, ledger: Ledger, *, seconds: float = 60) -> Account:
        """Compare, add a line to the table, and fail on anything lost, doubled or unexpected."""
        account = settle(ledger, self.database, seconds=seconds)
        self.lines.append(
            Line(fault, str(times), account.accepted, account.lost, account.doubled, ledger.slowest)
        )
        account.remarks += self._ended_workers()
        return _checked(ledger, account)

    def _ended_workers(self) -> list[str]:
        """Return the last log lines of the workers that have ended."""
        ended = (worker for worker in self._workers if worker.popen.poll() is not None)
        return [f"ended with {worker.popen.returncode}: {worker.log[-_LAST_WORDS:]}" for worker in ended]

    def check(self, ledger: Ledger) -> Account:
        """Like `account`, without a line in the table."""
        return _checked(ledger, settle(ledger, self.database))

    def running(self, worker: Process) -> int:
        """Return the number of replies that a worker has started and not ended, by its log."""
        log = worker.log
        return log.count('"reply_started"') - sum(log.count(f'"{word}"') for word in _OVER)

    def wait_until_busy(self, worker: Process) -> None:
        """Return when this worker is generating a reply."""
        eventually(lambda: self.running(worker) > 0, what="a running reply")

    def wait_until_one_is_recorded(self, worker: Process) -> None:
        """Return when this worker has recorded the end of a reply."""
        eventually(lambda: '"reply_recorded"' in worker.log, what="a reply that has ended")

    def wait_until_completed(self, entry: Entry) -> Row:
        """Wait until the reply is completed, and return its row."""
        eventually(lambda: self.reply(entry.reply_id)["status"] == "completed", seconds=60, what="the reply")
        return self.reply(entry.reply_id)

    def found_by_poll(self) -> set[str]:
        """Return the replies that a worker found by its poll of the rows, not by a wake-up."""
        lines = (line for line in self.stack.logs().splitlines() if '"reply_rescued"' in line)
        return {str(json.loads(line[line.index("{") :])["reply_id"]) for line in lines}

    def reply(self, reply_id: str | None) -> Row:
        """Return a reply's row."""
        [row] = self.database.rows("SELECT * FROM messages WHERE id = %s::text::uuid", reply_id)
        return row

    def stored(self, user_id: str) -> bool:
        """Return whether a message of this user is stored."""
        query = "SELECT 1 FROM messages WHERE user_id = %s::text::uuid LIMIT 1"
        return bool(self.database.rows(query, user_id))

    def terminate(self, backend: int) -> None:
        """Terminate a backend, which rolls back its transaction."""
        self.database.rows("SELECT pg_terminate_backend(%s)", backend)

    def calls(self, entry: Entry) -> list[Row]:
        """Return the calls to Gemini for this message's reply, without those for a title or a summary."""
        found = self.stack.calls(entry.token)
        return [call for call in found if _last_turn(call) == entry.content]

    def wait_for_call(self, entry: Entry, *, count: int = 1, held: bool = False) -> None:
        """Return when Gemini has received `count` calls for it; with `held`, when the last one is held."""

        def has_come() -> bool:
            calls = self.calls(entry)
            return len(calls) >= count and (not held or bool(calls[-1]["held"]))

        eventually(has_come, what=f"call {count} to Gemini")

    def wait_for_pieces(self, entry: Entry, count: int) -> None:
        """Return when the newest call for it has sent `count` chunks."""
        eventually(lambda: int(str(self.calls(entry)[-1]["pieces_sent"])) >= count, what="chunks")

    def hold(self, text: str, *, after_pieces: int = 0) -> None:
        """Make the sandbox pause every call that contains `text` after so many chunks."""
        order = {"contains": text, "after_pieces": after_pieces}
        httpx.post(f"{self.stack.sandbox_url}/sandbox/hold", json=order).raise_for_status()

    def release(self, text: str) -> None:
        """Resume these calls."""
        httpx.post(f"{self.stack.sandbox_url}/sandbox/release", json={"contains": text}).raise_for_status()

    @contextmanager
    def locked(self, query: LiteralString, *values: object) -> Iterator[None]:
        """Hold the locks of a query in a transaction of the test."""
        with psycopg.connect(self.database.url) as connection:
            connection.execute(query, values)
            yield
            connection.rollback()

    def close(self) -> None:
        """Stop all processes."""
        self.repair()
        self.stack.stop()


def _last_turn(call: Row) -> str:
    contents: Json = {"contents": call["contents"]}
    return "".join(part["text"] for part in contents["contents"][-1]["parts"])


def _checked(ledger: Ledger, account: Account) -> Account:
    assert not ledger.surprises, ledger.surprises[:5]
    assert (account.lost, account.doubled) == (0, 0), account.remarks[:10] + account.remarks[-1:]
    assert account.accepted > 0
    return account


def freeze(server: Server) -> None:
    """Suspend a server's processes; its connections stay open."""
    assert server.process is not None
    os.kill(server.process.pid, signal.SIGSTOP)


def thaw(server: Server) -> None:
    """Resume a frozen server."""
    assert server.process is not None
    os.kill(server.process.pid, signal.SIGCONT)
