"""Periodic tasks run once per interval over all workers, and soon again after a failure; the purge."""

import time
import uuid

import pytest

from tests.support.stack import Stack
from tests.support.user import User, ok
from tests.support.waiting import eventually

pytestmark = pytest.mark.server_version

_NEXT_RUN = (
    "SELECT next_run_at - now() AS wait, next_run_at <= date_trunc('day', now(), 'UTC') + interval '24 hours'"
    " AS is_today FROM periodic_jobs WHERE name = 'purge'"
)


def _runs(stack: Stack) -> int:
    done = ('"periodic_job_done"', '"purge"')
    return sum(all(word in line for word in done) for line in stack.logs().splitlines())


def _make_due(stack: Stack) -> None:
    stack.database.run("UPDATE periodic_jobs SET next_run_at = now() WHERE name = 'purge'")


def _wait_for_runs(stack: Stack, number: int) -> None:
    eventually(lambda: _runs(stack) >= number, what=f"run number {number}")


def test_a_task_runs_once_per_interval_over_all_workers(own_stack: Stack) -> None:
    """Red when the claim ignores the due time: every worker runs it at every poll."""
    for _ in range(2):
        own_stack.start_worker()
    eventually(lambda: _runs(own_stack) == 1, what="the first run")
    for rounds in range(2, 6):
        _make_due(own_stack)
        _wait_for_runs(own_stack, rounds)
    time.sleep(3)  # two polls of each worker, which must find nothing
    assert _runs(own_stack) == 5
    [row] = own_stack.database.rows(_NEXT_RUN)
    assert row["is_today"], "the purge is due as soon as the day ends"
    assert "0:00:00" < str(row["wait"]) <= "1:00:00"


def test_a_task_that_fails_is_logged_and_retried_soon(own_stack: Stack) -> None:
    """Red when a failed run is retried only in the next interval."""
    worker = own_stack.start_worker()
    eventually(lambda: _runs(own_stack) == 1, what="the first run")
    own_stack.database.run("ALTER TABLE carried_usage RENAME TO hidden")
    _make_due(own_stack)
    failure = ('"periodic_job_failed"', '"purge"')
    eventually(
        lambda: any(all(word in line for word in failure) for line in worker.log.splitlines()),
        what="a failure",
    )
    in_a_minute = (
        "SELECT next_run_at < now() + interval '61 seconds' AS soon FROM periodic_jobs WHERE name = 'purge'"
    )
    eventually(lambda: own_stack.database.value(in_a_minute), what="a run that is due soon")
    own_stack.database.run("ALTER TABLE hidden RENAME TO carried_usage")
    _make_due(own_stack)
    eventually(lambda: _runs(own_stack) == 2, what="the next run")


@pytest.mark.parametrize(
    ("settings", "event", "reason"),
    [
        ({"STRIPE_SECRET_KEY": ""}, "periodic_job_skipped", "STRIPE_SECRET_KEY is not set"),
        ({"STRIPE_API_BASE": "http://127.0.0.1:9"}, "periodic_job_failed", "Connection refused"),
    ],
)
def test_a_task_that_cannot_use_stripe_logs_the_reason_in_one_line(
    own_stack: Stack, settings: dict[str, str], event: str, reason: str
) -> None:
    """Red when the error counts as unexpected: a traceback each minute on every machine without a key."""
    worker = own_stack.start_worker(**settings)
    eventually(lambda: own_stack.database.rows("SELECT FROM periodic_jobs"), what="the tasks")
    own_stack.database.run("UPDATE periodic_jobs SET next_run_at = now()")
    words = (event, "reconciliation", reason)
    eventually(
        lambda: any(all(word in line for word in words) for line in worker.log.splitlines()),
        what="the reason in the log",
    )
    assert "Traceback" not in worker.log


def test_an_outage_of_stripe_is_logged_once_a_minute(own_stack: Stack) -> None:
    """Red when events, deletions and the reconciliation each log every attempt."""
    own_stack.database.run(
        "INSERT INTO stripe_events (id, type, livemode, subscription_id, created_at, received_at)"
        " SELECT 'evt_' || n, 'invoice.paid', false, 'sub_' || n, now(), now()"
        " FROM generate_series(1, 20) AS n"
    )
    own_stack.database.run(
        "INSERT INTO deletions (id, user_id, stripe_customer_id, due_at)"
        " SELECT gen_random_uuid(), gen_random_uuid(), 'cus_' || n, now() FROM generate_series(1, 5) AS n"
    )
    worker = own_stack.start_worker(STRIPE_API_BASE="http://127.0.0.1:9")
    eventually(lambda: own_stack.database.rows("SELECT FROM periodic_jobs"), what="the tasks")
    own_stack.database.run("UPDATE periodic_jobs SET next_run_at = now()")
    tried = (
        "SELECT (SELECT min(attempts) FROM stripe_events) >= 2"
        " AND (SELECT bool_and(due_at > now() + interval '1 second') FROM deletions)"
        " AND (SELECT bool_or(next_run_at < now() + interval '61 seconds') FROM periodic_jobs)"
    )
    eventually(lambda: own_stack.database.value(tried), seconds=40, what="tries of all three")
    logged = [line for line in worker.log.splitlines() if "refused" in line or '"error"' in line]
    assert len(logged) == 1, logged
    assert "Traceback" not in worker.log


def test_the_purge_erases_old_billing_rows(stack: Stack, user: User) -> None:
    """Red without any of the four, and when another clock than the database's measures ages."""
    mark = uuid.uuid4().hex
    for age, is_over in ((29, False), (31, True)):
        stack.database.run(
            "INSERT INTO checkouts (id, user_id, success_url, cancel_url, session_id, created_at, closed_at)"
            " VALUES (gen_random_uuid(), %s, '', '', %s, now() - %s * interval '1 day', now())",
            user.id,
            f"{mark}-{'old' if is_over else 'new'}",
            age,
        )
    for age in (6, 8):
        stack.database.run(
            "INSERT INTO subscription_syncs (subscription_id, synced_at)"
            " VALUES (%s, now() - %s * interval '1 day')",
            f"{mark}-{age}",
            age,
        )
    for age in (59, 61):
        stack.database.run(
            "INSERT INTO stripe_events (id, type, livemode, created_at, received_at, processed_at)"
            " VALUES (%s, 'x', false, now(), now(), now() - %s * interval '1 day')",
            f"{mark}-{age}",
            age,
        )
    kept, old, unconfirmed = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    for user_id, age in ((kept, 89), (old, 91), (unconfirmed, 91)):
        stack.database.run(
            "INSERT INTO deleted_accounts VALUES (sha256(uuid_send(%s)), now() - %s * interval '1 day')",
            user_id,
            age,
        )
    stack.database.run(
        "INSERT INTO deletions (id, user_id, due_at)"
        " VALUES (gen_random_uuid(), %s, now() + interval '1 hour')",
        unconfirmed,
    )
    runs = _runs(stack)
    _make_due(stack)
    _wait_for_runs(stack, runs + 1)
    left = stack.database.rows(
        "SELECT session_id AS id FROM checkouts WHERE starts_with(session_id, %s)"
        " UNION SELECT subscription_id FROM subscription_syncs WHERE starts_with(subscription_id, %s)"
        " UNION SELECT id FROM stripe_events WHERE starts_with(id, %s)",
        mark,
        mark,
        mark,
    )
    assert {str(row["id"]).rpartition("-")[2] for row in left} == {"new", "6", "59"}
    tombstones = "SELECT count(*) FROM deleted_accounts WHERE user_digest = sha256(uuid_send(%s))"
    found = [stack.database.value(tombstones, user_id) for user_id in (kept, old, unconfirmed)]
    assert found == [1, 0, 1]
    stack.database.run("DELETE FROM deletions WHERE user_id = %s", unconfirmed)


def test_the_purge_erases_counts_of_past_days_and_old_sessions(stack: Stack, user: User) -> None:
    for digest, days_ago in ((b"\x01", 1), (b"\x02", 0)):
        stack.database.run(
            "INSERT INTO carried_usage VALUES (%s, (now() AT TIME ZONE 'UTC')::date - %s, 5)",
            digest,
            days_ago,
        )
    kept, ended, lapsed = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    for id_, ended_days, expired_days in ((kept, 29, 29), (ended, 31, -9), (lapsed, None, 31)):
        stack.database.run(
            "INSERT INTO sessions (id, user_id, opened_by, refresh_hash, created_at, last_used_at,"
            " ended_at, refresh_expires_at) VALUES (%s, %s, 'login', '', now(), now(),"
            " now() - %s * interval '1 day', now() - %s * interval '1 day')",
            id_,
            user.id,
            ended_days,
            expired_days,
        )
    _make_due(stack)
    eventually(
        lambda: stack.database.value("SELECT count(*) FROM sessions WHERE user_id = %s", user.id) == 2,
        what="the purge",
    )
    left = stack.database.rows("SELECT id FROM sessions WHERE user_id = %s", user.id)
    assert kept in {row["id"] for row in left}
    assert ok(user.http.get("/user/me"))["id"] == user.id
    counts = stack.database.rows("SELECT number_digest FROM carried_usage")
    assert {row["number_digest"] for row in counts} & {b"\x01", b"\x02"} == {b"\x02"}
