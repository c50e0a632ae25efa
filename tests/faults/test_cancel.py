"""Cancelling a reply ends the call to Gemini within a second, from any API process and at any step."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from tests.faults.environment import Environment, freeze, thaw
from tests.faults.ledger import Entry, Ledger
from tests.faults.load import CarefulClient
from tests.support.user import User, ok
from tests.support.waiting import eventually

_ENDS_SECONDS = 1.0
_ENDS_WITHOUT_REDIS_SECONDS = 2.0
_LONG = "[sandbox:pieces=200] [sandbox:pace=50]"
_SILENT = "[sandbox:hang]"


def _cancel(user: User, entry: Entry) -> datetime:
    """Cancel the reply; return when the request was sent."""
    asked = datetime.now(UTC)
    ok(user.http.post(f"/chatroom/{entry.room}/message/{entry.reply_id}/cancel"))
    return asked


def _seconds_until_closed(environment: Environment, entry: Entry, asked: datetime) -> float:
    """Return how long the call continued after the request, by the sandbox's record."""

    def ended_at() -> object:
        [call] = environment.calls(entry)
        assert call["ended"] in (None, "client_closed")
        return call["ended_at"]

    ended = datetime.fromisoformat(str(eventually(ended_at, what="the end of the call")))
    return (ended - asked).total_seconds()


@contextmanager
def _redis_is_frozen(environment: Environment, *, frozen: bool) -> Iterator[None]:
    if frozen:
        freeze(environment.valkey)
    yield
    thaw(environment.valkey)


@pytest.mark.parametrize("frozen", [False, True], ids=["redis-there", "redis-frozen"])
@pytest.mark.parametrize("words", [_LONG, _SILENT], ids=["in-mid-stream", "before-the-first-token"])
def test_cancel_ends_the_call_upstream_in_time(environment: Environment, words: str, *, frozen: bool) -> None:
    """Within 1 s; 2 s if only the worker's poll can find the request. A busy machine gets a second chance.

    Red without the worker's poll for cancelled rows.
    """
    environment.workers(1)
    limit = _ENDS_WITHOUT_REDIS_SECONDS if frozen else _ENDS_SECONDS
    user, client = environment.user(), CarefulClient(Ledger())
    taken: list[float] = []
    elsewhere = user.at(environment.stack.start_api())
    process = environment.stack.processes[-1]
    while not taken or (taken[-1] >= limit and len(taken) < 2):
        entry = client.send(user, user.open_room(), words)
        environment.wait_for_call(entry)
        if words == _LONG:
            environment.wait_for_pieces(entry, 5)
        with _redis_is_frozen(environment, frozen=frozen):
            asked = _cancel(elsewhere, entry)
            taken.append(_seconds_until_closed(environment, entry, asked))
        row = eventually(lambda: _final(environment, entry), what="the end")  # noqa: B023  # called within the same round
        assert row["status"] == "cancelled"
        assert bool(row["content"]) == (words == _LONG)
    process.kill()
    where = "Redis frozen" if frozen else "Redis there"
    step = "in mid-stream" if words == _LONG else "before the first token"
    environment.account(f"cancel {step}, {where}", len(taken), client.ledger)
    assert taken[-1] < limit, taken


def _final(environment: Environment, entry: Entry) -> dict[str, object] | None:
    row = environment.reply(entry.reply_id)
    return row if row["completed_at"] is not None else None


def test_a_waiting_reply_that_is_cancelled_is_never_sent_to_gemini(environment: Environment) -> None:
    """The request ends it, or the worker that claims it. Red without both."""
    environment.workers(0)
    user, client = environment.user(), CarefulClient(Ledger())
    entry = client.send(user, user.open_room())
    _cancel(user, entry)
    after = client.send(user, entry.room)
    environment.workers(1)
    environment.wait_until_completed(after)
    assert environment.reply(entry.reply_id)["status"] == "cancelled"
    assert environment.calls(entry) == []
    environment.account("cancel while waiting", 1, client.ledger)


def test_cancelling_repeatedly_refunds_once(environment: Environment) -> None:
    """The transaction that ends the reply refunds it, and a reply ends once."""
    environment.workers(1)
    user, client = environment.user(), CarefulClient(Ledger())
    entry = client.send(user, user.open_room(), _SILENT)
    environment.wait_for_call(entry)
    for _ in range(5):
        _cancel(user, entry)
    environment.account("cancelled five times", 5, client.ledger)
