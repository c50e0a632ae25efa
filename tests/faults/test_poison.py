"""F16: a reply that kills its workers fails alone; the replies beside it are answered."""

from tests.faults.environment import Environment
from tests.faults.ledger import Entry, Ledger
from tests.faults.load import CarefulClient
from tests.support.process import Process
from tests.support.waiting import eventually

_POISON = "[sandbox:pieces=20] [poison]"
_BESIDE = 15
_DEATHS = 4


def test_f16_a_poisonous_reply_fails_alone(environment: Environment) -> None:
    """Red when a reply that was lost twice is claimed beside others: they are lost as often.

    The worker is killed at each call for the poisonous reply, like a process that runs out of memory. The
    replies beside it take longer than that.
    """
    environment.workers(0)
    client, author, others = CarefulClient(Ledger()), environment.user(), environment.user()
    environment.hold("[poison]")
    worker = _start(environment)
    beside = [
        client.send(others, others.open_room(), "[sandbox:pieces=40] [sandbox:pace=50]", is_whole=True)
        for _ in range(_BESIDE)
    ]
    eventually(lambda: environment.running(worker) == _BESIDE, what="the replies beside it")
    poison = client.send(author, author.open_room(), _POISON, is_whole=True)
    for death in range(1, _DEATHS + 1):
        _wait_for_poison(environment, poison, death)
        worker.kill()
        worker = _start(environment)
    try:
        for entry in beside:
            environment.wait_until_completed(entry)
        environment.release("[poison]")  # the reply is harmless now
        environment.account("F16 a reply that its workers die of", _DEATHS, client.ledger, seconds=180)
    finally:
        worker.kill()
    row = environment.reply(poison.reply_id)
    assert (row["status"], row["losses"]) == ("completed", _DEATHS)
    # The others are lost twice, while the cause is unknown; after that only the poisonous one is.
    losses = [int(str(environment.reply(entry.reply_id)["losses"])) for entry in beside]
    assert max(losses) <= 2, losses
    assert sum(len(environment.calls(entry)) for entry in beside) <= 3 * _BESIDE


def _start(environment: Environment) -> Process:
    return environment.stack.start_worker("--concurrency=40", REPLY_PLACES_PER_USER="40")


def _wait_for_poison(environment: Environment, poison: Entry, calls: int) -> None:
    eventually(
        lambda: len(environment.calls(poison)) >= calls, what=f"call {calls} for the poison", seconds=120
    )
