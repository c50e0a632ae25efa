"""F16: a reply that its workers die of. It dies alone, and those beside it are answered."""

from tests.faults.bench import Bench
from tests.faults.ledger import Entry, Ledger
from tests.faults.load import CarefulClient
from tests.support.process import Process
from tests.support.waiting import eventually

_POISON = "[sandbox:pieces=20] [poison]"
_BESIDE = 15
_DEATHS = 4


def test_f16_a_poisonous_reply_takes_no_others_along(bench: Bench) -> None:
    """Red when a reply that was lost twice is claimed beside others: they are lost as often as it is.

    As a process that is out of memory, the worker dies whenever Gemini is asked for the poisonous reply. The
    replies beside it take longer than that.
    """
    bench.workers(0)
    client, author, others = CarefulClient(Ledger()), bench.person(), bench.person()
    bench.hold("[poison]")
    worker = _start(bench)
    beside = [
        client.send(others, others.open_room(), "[sandbox:pieces=40] [sandbox:pace=50]", is_whole=True)
        for _ in range(_BESIDE)
    ]
    eventually(lambda: bench.running(worker) == _BESIDE, what="the replies beside it")
    poison = client.send(author, author.open_room(), _POISON, is_whole=True)
    for death in range(1, _DEATHS + 1):
        _wait_for_poison(bench, poison, death)
        worker.kill()
        worker = _start(bench)
    try:
        for entry in beside:
            bench.wait_until_completed(entry)
        bench.release("[poison]")  # now it is as any other
        bench.account("F16 a reply that its workers die of", _DEATHS, client.ledger, seconds=180)
    finally:
        worker.kill()
    row = bench.reply(poison.reply_id)
    assert (row["status"], row["losses"]) == ("completed", _DEATHS)
    # Lost twice, since nobody knew yet which it was; after that only the poisonous one is.
    losses = [int(str(bench.reply(entry.reply_id)["losses"])) for entry in beside]
    assert max(losses) <= 2, losses
    assert sum(len(bench.calls(entry)) for entry in beside) <= 3 * _BESIDE


def _start(bench: Bench) -> Process:
    return bench.stack.start_worker("--concurrency=40", REPLY_PLACES_PER_USER="40")


def _wait_for_poison(bench: Bench, poison: Entry, calls: int) -> None:
    eventually(lambda: len(bench.calls(poison)) >= calls, what=f"call {calls} for the poison", seconds=120)
