"""Whether a worker still hears the queue, or lives on its poll alone."""

import time

from tests.faults.environment import Environment
from tests.faults.ledger import Ledger
from tests.faults.load import CarefulClient
from tests.support.person import Person
from tests.support.process import Process


def wait_for_wakeup(environment: Environment, person: Person, worker: Process, *, seconds: float) -> None:
    """Return when a new message was claimed because of its job, not found by the poll.

    Fails when that takes longer, or when the worker has ended: nobody has restarted it.
    """
    client, until = CarefulClient(Ledger()), time.monotonic() + seconds
    while True:
        entry = client.send(person, person.open_room(), "[sandbox:pieces=2]")
        environment.wait_until_completed(entry)
        if entry.reply_id not in environment.found_by_poll():
            break
        assert time.monotonic() < until, f"the worker takes no job any more:\n{worker.log[-3000:]}"
    assert worker.popen.poll() is None, worker.log[-3000:]
