"""Events reach the endpoint: signed, sent again until they are taken, in the endpoint's own version."""

import json
import time
from pathlib import Path

import httpx
import pytest
import stripe
from pydantic import JsonValue

from tests.sandbox.running import PATIENCE, started
from tests.sandbox.stripe_running import DAY, Account, Receiver, period_of, receiving, sdk, wait_for


def test_every_event_is_delivered_and_verifies_with_the_sdk(account: Account, receiver: Receiver) -> None:
    subscription = account.subscribed()
    wait_for(lambda: len(receiver.received) == 7)
    assert sorted(receiver.types()) == sorted(account.types_of_events())
    delivered = {each.event().id: json.loads(each.body) for each in receiver.received}
    for event in account.events():
        assert event.pending_webhooks == 0
        assert delivered[event.id] == {**event.to_dict(for_json=True), "pending_webhooks": 1}
        assert event.api_version == stripe.api_version
    created = next(each for each in delivered.values() if each["type"] == "customer.subscription.created")
    assert created["data"]["object"]["id"] == subscription.id
    assert "current_period_end" not in created["data"]["object"]
    with pytest.raises(stripe.SignatureVerificationError):
        receiver.received[0].event("whsec_other")


def test_event_is_sent_again_with_growing_pauses_until_it_is_taken(
    account: Account, receiver: Receiver
) -> None:
    """Red when the first answer of any status ended a delivery."""
    receiver.statuses = [500, 302, 400]
    account.customer()
    wait_for(lambda: len(receiver.received) == 4)
    at = [each.at for each in receiver.received]
    assert at[1] - at[0] >= 0.05
    assert at[2] - at[1] >= 0.1
    assert at[3] - at[2] >= 0.2
    assert len({each.event().id for each in receiver.received}) == 1
    wait_for(lambda: account.events()[0].pending_webhooks == 0)
    (delivery,) = account.http.get("/sandbox/stripe/webhooks").json()["deliveries"]
    assert (delivery["tries"], delivery["taken"]) == ([500, 302, 400, 200], True)


def test_event_that_nobody_takes_stays_pending_and_can_be_listed(
    account: Account, receiver: Receiver
) -> None:
    receiver.statuses = [503] * 4
    account.customer()
    wait_for(lambda: len(receiver.received) == 4)
    (event,) = account.client.v1.events.list({"delivery_success": False}).data
    assert event.pending_webhooks == 1
    assert account.client.v1.events.list({"delivery_success": True}).data == []
    (sent,) = account.order("stripe/webhooks/redeliver").json()
    assert (sent["event"], sent["tries"]) == (event.id, [503] * 4 + [200])
    assert account.client.v1.events.list({"delivery_success": False}).data == []


def test_endpoint_that_does_not_answer_or_is_away_counts_as_a_failed_try(
    account: Account, receiver: Receiver
) -> None:
    account.order("stripe/webhooks", timeout=0.1, retry_after=[0.01])
    receiver.delay = 0.5
    account.customer()
    wait_for(lambda: len(receiver.received) == 2)
    account.order("stripe/webhooks", url="http://127.0.0.1:9/", timeout=2)
    account.customer()

    def tries() -> list[list[str]]:
        deliveries = account.http.get("/sandbox/stripe/webhooks").json()["deliveries"]
        return [each["tries"] for each in deliveries]

    wait_for(lambda: tries() == [["TimeoutError"] * 2, ["ConnectError"] * 2])


def test_signature_carries_real_time_though_the_event_carries_stripes(
    account: Account, receiver: Receiver
) -> None:
    """Red when the signature took the moved clock, which no receiver's tolerance would accept."""
    subscription = account.subscribed()
    account.order("clock", advance=40 * DAY)
    wait_for(lambda: len(receiver.received) == 12)
    renewed = [each for each in receiver.received if each.event().created == period_of(subscription)[1]]
    assert len(renewed) == 5
    for each in renewed:
        stated = int(each.signature.split(",")[0].removeprefix("t="))
        assert abs(stated - time.time()) < PATIENCE


def test_held_events_wait_and_come_when_they_are_sent_again(account: Account, receiver: Receiver) -> None:
    account.order("stripe/webhooks", deliver=False)
    account.subscribed()
    assert [event.pending_webhooks for event in account.events()] == [1] * 7
    assert receiver.received == []
    account.order("stripe/webhooks", deliver=True)
    newest_first: list[JsonValue] = [event.id for event in account.events()[::-1]]
    account.order("stripe/webhooks/redeliver", events=newest_first, copies=3, at_once=5)
    assert len(receiver.received) == 21
    assert [event.pending_webhooks for event in account.events()] == [0] * 7
    assert account.order("stripe/webhooks/redeliver").json() == []
    again: dict[str, JsonValue] = {"pending_only": False, "type": "invoice.paid"}
    assert len(account.order("stripe/webhooks/redeliver", **again).json()) == 1


def test_secret_that_is_being_changed_signs_twice(account: Account, receiver: Receiver) -> None:
    account.order("stripe/webhooks", secrets=["whsec_old", "whsec_new"])
    account.customer()
    wait_for(lambda: len(receiver.received) == 1)
    (received,) = receiver.received
    assert received.event("whsec_old").id == received.event("whsec_new").id
    account.order("stripe/webhooks", secrets=["whsec_sandbox"])


def test_endpoint_of_an_older_version_gets_the_older_shape(account: Account, receiver: Receiver) -> None:
    account.order("stripe/webhooks", old_shape=True)
    subscription = account.subscribed()
    account.order("clock", advance_to="period_end")
    wait_for(lambda: len(receiver.received) == 12)
    bodies = [json.loads(each.body) for each in receiver.received]
    assert {body["api_version"] for body in bodies} == {"2025-02-24.acacia"}
    created = next(body for body in bodies if body["type"] == "customer.subscription.created")["data"][
        "object"
    ]
    assert (created["current_period_start"], created["current_period_end"]) == period_of(subscription)
    assert "current_period_end" not in created["items"]["data"][0]
    paid = next(body for body in bodies if body["type"] == "invoice.paid")["data"]["object"]
    assert (paid["subscription"], paid["paid"]) == (subscription.id, True)
    assert "parent" not in paid
    updated = next(body for body in bodies if body["type"] == "customer.subscription.updated")
    assert updated["data"]["previous_attributes"]["current_period_end"] == period_of(subscription)[1]
    assert period_of(account.subscription(subscription.id))[0] == period_of(subscription)[1]


def test_client_of_an_older_version_gets_the_older_shape_too(account: Account) -> None:
    subscription = account.subscribed()
    headers = {"authorization": "Bearer sk_test_x", "stripe-version": "2024-06-20"}
    answer = account.http.get(f"/v1/subscriptions/{subscription.id}", headers=headers)
    assert answer.headers["stripe-version"] == "2024-06-20"
    assert answer.json()["current_period_end"] == period_of(subscription)[1]


def test_endpoint_is_an_option_and_open_deliveries_do_not_keep_the_process_from_ending(
    tmp_path: Path,
) -> None:
    """Red when the lifespan did not cancel deliveries: a pause of 60 s outlived SIGTERM."""
    with receiving() as receiver:
        process, url = started(
            tmp_path / "log",
            "--stripe-webhook-url",
            receiver.url,
            "--public-url",
            "https://pay.example.com/",
            SANDBOX_STRIPE_WEBHOOK_SECRET="whsec_environment",
        )
        try:
            with httpx.Client(base_url=url, timeout=PATIENCE) as http:
                http.post("/sandbox/stripe/webhooks", json={"retry_after": [60]})
                receiver.statuses = [500]
                account = Account(url, http, sdk(url))
                customer = account.customer()
                wait_for(lambda: len(receiver.received) == 1)
                assert receiver.received[0].event("whsec_environment").type == "customer.created"
                session = account.checkout(customer)
                assert session.url == f"https://pay.example.com/checkout/{session.id}"
            before = time.monotonic()
            process.terminate()
            process.wait(PATIENCE)
            assert time.monotonic() - before < 5
        finally:
            process.kill()
            process.wait(PATIENCE)
    assert "Traceback" not in (tmp_path / "log").read_text()
