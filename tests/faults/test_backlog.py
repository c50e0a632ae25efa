"""F14: a backlog of messages accepted while Redis and the workers were down."""

import threading
import time
from pathlib import Path

import pytest

from devtools.throwaway import throwaway_servers
from tests.faults.conftest import Scale
from tests.faults.environment import Environment
from tests.faults.ledger import Ledger
from tests.faults.load import CarefulClient
from tests.support.backlog import make_backlog, make_quiet_time
from tests.support.user import User

_ANSWER = "[sandbox:pieces=1]"
_WRITERS = 8
_MAX_SECONDS = 600.0


def test_f14_a_backlog_is_processed_in_time(
    environment: Environment, scale: Scale, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Red with a claim that joins waiting replies with each other: every claim exceeds its time limit.

    The planner's statistics are from before the backlog, as in a database whose backlog is recent.
    """
    rooms, accepted = scale.times(2_000, 10_000), scale.times(200, 1_000)
    with throwaway_servers() as (postgres, valkey):
        own = Environment(postgres, valkey, tmp_path, environment.lines)
        try:
            own.open()
            client, users = CarefulClient(Ledger()), [own.user() for _ in range(_WRITERS)]
            make_quiet_time(own.database.url, rooms=rooms, exchanges_per_room=15)
            valkey.stop()
            make_backlog(own.database.url, exchanges_per_room=15, words=_ANSWER)
            _send(client, users, each=accepted // _WRITERS)
            waiting = _waiting(own)
            valkey.start()
            own.stack.redis.flushall()
            own.workers(1)
            began = time.monotonic()
            while _waiting(own):
                assert time.monotonic() - began < _MAX_SECONDS, f"{_waiting(own)} replies still wait"
                time.sleep(0.5)  # counting costs time, too
            rate = waiting / (time.monotonic() - began)
            with capsys.disabled():
                print(f"\n{waiting} waiting replies, {rate:.0f} a second")  # noqa: T201  # the result of this fault
            own.account(f"F14 a backlog, {rate:.0f} replies a second", waiting, client.ledger)
            refused = "SELECT count(*) FROM messages WHERE error_code IS NOT NULL"
            assert own.database.value(refused) == 0
        finally:
            own.close()


def _send(client: CarefulClient, users: list[User], *, each: int) -> None:
    def send(user: User) -> None:
        for _ in range(each):
            client.send(user, user.open_room(), _ANSWER, is_whole=True)

    threads = [threading.Thread(target=send, args=(user,)) for user in users]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _waiting(environment: Environment) -> int:
    query = "SELECT count(*) FROM messages WHERE status IN ('pending', 'generating') AND role = 'model'"
    return int(str(environment.database.value(query)))
