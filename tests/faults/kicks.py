"""Whether a worker still hears the queue, or lives on its poll alone."""

import time

from tests.faults.bench import Bench
from tests.faults.ledger import Ledger
from tests.faults.load import CarefulClient
from tests.support.person import Person
from tests.support.process import Process


def wait_for_a_kick(bench: Bench, person: Person, worker: Process, *, seconds: float) -> None:
    """Return when a new message was claimed because of its job, not found by the poll.

    Fails when that takes longer, or when the worker has ended: nobody has restarted it.
    """
    client, until = CarefulClient(Ledger()), time.monotonic() + seconds
    while True:
        entry = client.send(person, person.open_room(), "[sandbox:pieces=2]")
        bench.wait_until_completed(entry)
        if entry.reply_id not in bench.found_by_poll():
            break
        assert time.monotonic() < until, f"the worker takes no job any more:\n{worker.log[-3000:]}"
    assert worker.popen.poll() is None, worker.log[-3000:]
