"""Operators replay Stripe's events, reconcile and purge on the command line."""

import time
import uuid

import pytest

from tests.support.cli import cli, cli_json
from tests.support.stack import Stack
from tests.support.stripe import DAY, StripeSandbox, leave_tombstone, some_users
from tests.support.user import Json, User, client, ok, some_number
from tests.support.waiting import eventually

pytestmark = pytest.mark.server_version

_CREATED = "customer.subscription.created"


def _event(stack: Stack, event_id: str) -> Json:
    events = cli_json(stack, "webhooks", "list", "--limit", "1000")["events"]
    [event] = [each for each in events if each["id"] == event_id]
    found: Json = event
    return found


def test_an_event_whose_processing_failed_is_replayed_and_processed(own_stack: Stack) -> None:
    """Red if a replay leaves the pause of the event, or writes no audit row."""
    stripe, user = StripeSandbox(own_stack), own_stack.user()
    stripe.fail("500", "/v1/subscriptions/", times=1000)
    subscription = stripe.subscribe(user.id)
    [event] = [each for each in stripe.events(subscription) if each["type"] == _CREATED]
    assert stripe.send(event).status_code == 200
    worker = own_stack.start_worker()
    attempts = "SELECT attempts FROM stripe_events WHERE id = %s"
    eventually(lambda: own_stack.database.value(attempts, event["id"]), what="an attempt")
    worker.stop()
    stripe.end_failures()
    # As after many failures, when the pauses are long.
    own_stack.database.run(
        "UPDATE stripe_events SET next_attempt_at = now() + interval '1 hour' WHERE id = %s", event["id"]
    )
    own_stack.start_worker()
    [failed] = cli_json(own_stack, "webhooks", "list", "--failed", "--since", "1h")["events"]
    assert (failed["id"], failed["processed_at"], failed["subscription_id"]) == (
        event["id"],
        None,
        subscription,
    )

    unconfirmed = cli(own_stack, "webhooks", "replay", "--failed-since", "1h", code=2)
    assert "Replay 1 events? Confirm it with --yes." in unconfirmed.err
    replayed = cli_json(own_stack, "webhooks", "replay", "--failed-since", "1h", "--yes")
    assert replayed == {"replayed": [{"event_id": event["id"], "was_processed": False}], "failed": []}
    eventually(lambda: stripe.is_stored_as(subscription, "active"), what="the subscription")
    eventually(lambda: _event(own_stack, event["id"])["outcome"] == "applied", what="the outcome")
    assert cli_json(own_stack, "webhooks", "list", "--unprocessed") == {"events": []}

    own_stack.database.run("UPDATE subscriptions SET status = 'canceled'")
    again = cli_json(own_stack, "webhooks", "replay", event["id"])
    assert again["replayed"] == [{"event_id": event["id"], "was_processed": True}]
    eventually(lambda: stripe.is_stored_as(subscription, "active"), what="the repair")
    acts = own_stack.database.rows("SELECT actor, action, subject_id FROM audit_log")
    assert [tuple(act.values()) for act in acts] == [("cli:ada", "stripe_event.replayed", event["id"])] * 2
    missing = cli_json(own_stack, "webhooks", "replay", "evt_none", code=1)
    assert missing["failed"][0]["code"] == "event_not_found"


def _stored(stack: Stack) -> list[object]:
    return [
        [stack.database.rows("SELECT * FROM subscriptions ORDER BY id")],
        [stack.database.rows("SELECT * FROM subscription_syncs ORDER BY subscription_id")],
        [stack.database.rows("SELECT * FROM unresolved_subscriptions ORDER BY reason")],
        [stack.database.rows("SELECT * FROM audit_log ORDER BY id")],
    ]


def test_a_dry_run_finds_what_is_wrong_changes_nothing_and_the_run_repairs_it(
    stack: Stack, stripe: StripeSandbox, user: User
) -> None:
    """Red if the rehearsal commits, or if it takes another way than the run."""
    day_ago = int(time.time()) - DAY
    subscription = stripe.subscribe(user.id, started_at=day_ago)
    cli_json(stack, "reconcile")  # with what earlier tests have left
    assert stripe.is_stored_as(subscription, "active")
    stack.database.run(
        "UPDATE subscriptions SET status = 'canceled' WHERE stripe_subscription_id = %s", subscription
    )
    lost, gone = some_users(stack, 2)
    lost_id = f"sub_{lost}"
    stack.database.run(
        "INSERT INTO subscriptions (id, user_id, stripe_subscription_id, status, cancel_at_period_end,"
        " created_at, updated_at)"
        " VALUES (gen_random_uuid(), %s, %s, 'active', false, now() - interval '1 day', now())",
        lost,
        lost_id,
    )
    leave_tombstone(stack, gone)
    of_deleted = stripe.subscribe(gone)
    before, changes = _stored(stack), stripe.calls("/v1/subscriptions", "DELETE")

    found = cli_json(stack, "reconcile", "--dry-run")
    planned = {each["subscription_id"]: each for each in found["planned"]}
    assert planned.keys() == {subscription, lost_id, of_deleted}
    states = {
        id_: (each["before"] and each["before"]["status"], each["after"] and each["after"]["status"])
        for id_, each in planned.items()
    }
    assert states[subscription] == ("canceled", "active")
    assert states[lost_id] == ("active", "canceled")
    assert planned[subscription]["user_id"] == user.id
    assert (found["dry_run"], found["repaired"], found["to_cancel"]) == (True, 0, [of_deleted])
    shown = cli(stack, "reconcile", "--dry-run").out
    assert "3 of " in shown
    assert "would be repaired. Nothing was changed." in shown
    assert _stored(stack) == before
    assert stripe.calls("/v1/subscriptions", "DELETE") == changes
    assert stripe.status(of_deleted) == "active"

    assert cli_json(stack, "reconcile")["repaired"] == 3
    assert stripe.is_stored_as(subscription, "active")
    assert stripe.is_stored_as(lost_id, "canceled")
    assert stripe.status(of_deleted) == "canceled"
    assert cli_json(stack, "reconcile", "--dry-run")["planned"] == []
    act = "SELECT count(*) FROM audit_log WHERE action = 'reconciliation.run' AND actor = 'cli:ada'"
    assert stack.database.value(act) == 2


def test_stripe_away_is_one_sentence(stack: Stack, stripe: StripeSandbox) -> None:
    stripe.fail("500", "/v1/subscriptions", times=100)
    failed = cli(stack, "reconcile", "--dry-run", code=1)
    assert failed.err.startswith("Error: Stripe cannot be used: ")
    assert failed.err.count("\n") == 1
    assert failed.out == ""


def test_a_purge_counts_what_it_erases(stack: Stack) -> None:
    with client(stack.base_url) as anyone:
        answer = ok(anyone.post("/auth/signup", json={"mobile_number": some_number()}))
    user_id = uuid.UUID(answer["user"]["id"])
    stack.database.run("UPDATE users SET created_at = created_at - interval '8 days' WHERE id = %s", user_id)
    erased = cli_json(stack, "purge")["erased"]
    assert erased["unverified_signups"] >= 1
    assert stack.database.rows("SELECT id FROM users WHERE id = %s", user_id) == []
    assert cli_json(stack, "purge")["erased"]["unverified_signups"] == 0
    act = "SELECT count(*) FROM audit_log WHERE action = 'purge.run' AND actor = 'cli:ada'"
    assert stack.database.value(act) == 2
