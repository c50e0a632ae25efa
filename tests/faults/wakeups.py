"""Check that a worker still receives wake-ups from the queue, and not only from its poll."""

import time

from tests.faults.environment import Environment
from tests.faults.ledger import Ledger
from tests.faults.load import CarefulClient
from tests.support.process import Process
from tests.support.user import User


def wait_for_wakeup(environment: Environment, user: User, worker: Process, *, seconds: float) -> None:
    """Send messages until one is claimed by its wake-up rather than found by the poll.

    Fail when that takes longer, or when the worker has ended: nothing restarts it.
    """
    client, until = CarefulClient(Ledger()), time.monotonic() + seconds
    while True:
        entry = client.send(user, user.open_room(), "[sandbox:pieces=2]")
        environment.wait_until_completed(entry)
        if entry.reply_id not in environment.found_by_poll():
            break
        assert time.monotonic() < until, f"the worker receives no job any more:\n{worker.log[-3000:]}"
    assert worker.popen.poll() is None, worker.log[-3000:]
