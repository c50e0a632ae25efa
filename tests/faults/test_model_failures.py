"""F12 and F13: every kind of failure of Gemini, temporary or permanent."""

from collections.abc import Sequence
from datetime import datetime

import pytest

from tests.faults.environment import Environment
from tests.faults.ledger import Entry, Ledger
from tests.faults.load import CarefulClient

_RETRIES = 1
_FOR_EVER = {
    "503": ("failed", "model_unavailable", 1 + _RETRIES),
    "500": ("failed", "model_unavailable", 1 + _RETRIES),
    "429-bare": ("failed", "model_rate_limited", 1 + _RETRIES),
    "429-day": ("failed", "model_quota_exhausted", 1),
    "400": ("failed", "model_request_rejected", 1),
    "403": ("failed", "model_not_configured", 1),
    "disconnect": ("failed", "model_interrupted", 1 + _RETRIES),
    "hang": ("failed", "model_timeout", 1 + _RETRIES),
    "stall": ("failed", "model_timeout", 1 + _RETRIES),
    "truncate": ("failed", "model_interrupted", 1 + _RETRIES),
    "cut": ("failed", "model_interrupted", 1 + _RETRIES),
    "garbage": ("failed", "model_interrupted", 1 + _RETRIES),
    "midstream-503": ("failed", "model_unavailable", 1 + _RETRIES),
    "empty": ("failed", "model_answer_empty", 1 + _RETRIES),
    "thinking-only": ("failed", "model_answer_empty", 1),
    "prompt-blocked": ("blocked", "blocked_prompt_blocked", 1),
    "safety": ("blocked", "blocked_safety", 1),
    "recitation": ("blocked", "blocked_recitation", 1),
    "max-tokens": ("completed", None, 1),
}
# Rejected late, since a poll skips younger messages in any case.
_REFUSED_FOR_2_S = "[sandbox:wait=1.5] [sandbox:429*1]"
_ONCE = [order for order, (_, code, calls) in _FOR_EVER.items() if code is not None and calls > 1]


def _seconds_between_calls(environment: Environment, entry: Entry) -> float:
    """Return the time from the failure of the first call to the second."""
    first, second = environment.calls(entry)
    failed, tried = (datetime.fromisoformat(str(time)) for time in (first["ended_at"], second["received_at"]))
    return (tried - failed).total_seconds()


def _send_all(environment: Environment, client: CarefulClient, orders: Sequence[str]) -> dict[str, Entry]:
    user = environment.user()
    return {order: client.send(user, user.open_room(), f"[sandbox:{order}]") for order in orders}


def test_f12_every_permanent_failure_ends_the_reply_with_its_code(environment: Environment) -> None:
    """Rejected requests are not retried, other failures are; partial text is never a completed reply.

    Red when a stream without a finish reason counts as finished (`truncate` becomes completed), when a 400 is
    retried, when a stalled stream has no timeout, when a failure is not refunded (it counts as doubled).
    """
    environment.workers(0)
    worker = environment.stack.start_worker(GEMINI_TIMEOUT_SECONDS="2", REPLY_MAX_RETRIES=str(_RETRIES))
    client = CarefulClient(Ledger())
    try:
        entries = _send_all(environment, client, list(_FOR_EVER))
        account = environment.account("F12 every failure of Gemini", len(_FOR_EVER), client.ledger)
    finally:
        worker.kill()
    found = {}
    for order, entry in entries.items():
        row = environment.reply(entry.reply_id)
        found[order] = (row["status"], row["error_code"], len(environment.calls(entry)))
    assert found == _FOR_EVER
    assert account.failed == sum(status != "completed" for status, _, _ in _FOR_EVER.values())


def test_f12_a_temporary_failure_is_followed_by_the_whole_answer(environment: Environment) -> None:
    """Red without retries, when partial text counts as an answer, and when RetryInfo is ignored."""
    environment.workers(0)
    worker = environment.stack.start_worker(GEMINI_TIMEOUT_SECONDS="2", REPLY_MAX_RETRIES=str(_RETRIES))
    client, user = CarefulClient(Ledger()), environment.user()
    try:
        entries = [
            client.send(user, user.open_room(), f"[sandbox:{order}*1]", is_whole=True) for order in _ONCE
        ]
        waited = [client.send(user, user.open_room(), _REFUSED_FOR_2_S, is_whole=True) for _ in range(6)]
        account = environment.account("F12 every failure that passes", len(_ONCE) + 1, client.ledger)
    finally:
        worker.kill()
    rows = [environment.reply(entry.reply_id) for entry in (*entries, *waited)]
    assert account.failed == 0, account.remarks
    assert {(row["attempt"], row["retries"], row["losses"]) for row in rows} == {(2, 1, 0)}
    assert min(_seconds_between_calls(environment, entry) for entry in waited) >= 2  # as RetryInfo demands


def test_f13_a_message_that_always_fails_ends_failed_and_blocks_no_other(environment: Environment) -> None:
    """Red without the limit on retries (`pending` for ever), or when a waiting retry keeps its slot."""
    environment.workers(0)
    worker = environment.stack.start_worker("--concurrency=2")
    client, other = CarefulClient(Ledger()), CarefulClient(Ledger())
    try:
        poison = _send_all(environment, client, ["500", "cut", "truncate"])
        for user in [environment.user() for _ in range(6)]:
            other.send(user, user.open_room())
        environment.check(other.ledger)
        assert any(environment.reply(entry.reply_id)["status"] == "pending" for entry in poison.values())
        account = environment.account("F13 messages that always fail", len(poison), client.ledger)
    finally:
        worker.kill()
    assert account.failed == len(poison)
    for entry in poison.values():
        row = environment.reply(entry.reply_id)
        assert (row["status"], row["retries"], row["attempt"]) == ("failed", 3, 4)


@pytest.mark.parametrize("most", [1])
def test_f13_a_message_that_kills_its_workers_ends_failed(environment: Environment, most: int) -> None:
    """Red without the limit on worker losses: the message kills workers for ever."""
    environment.workers(0)
    user, client = environment.user(), CarefulClient(Ledger())
    entry = client.send(user, user.open_room(), "[sandbox:hang]")
    for death in range(most + 1):
        worker = environment.stack.start_worker(REPLY_MAX_WORKER_LOSSES=str(most))
        environment.wait_for_call(entry, count=death + 1)
        worker.kill()
    worker = environment.stack.start_worker(REPLY_MAX_WORKER_LOSSES=str(most))
    try:
        environment.account("F13 a message that kills its workers", most + 1, client.ledger)
    finally:
        worker.kill()
    row = environment.reply(entry.reply_id)
    assert (row["status"], row["error_code"]) == ("failed", "worker_lost")
    assert len(environment.calls(entry)) == most + 1
