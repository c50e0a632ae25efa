"""Events are stored once, and only with Stripe's signature."""

import json
import secrets

import httpx
import pytest

from devtools.ports import free_port
from tests.support.stack import Stack
from tests.support.stripe import StripeSandbox, made_up_event, signature, some_users
from tests.support.user import Json, problem

pytestmark = pytest.mark.server_version

_ODD: tuple[object, ...] = (None, 7, [], {}, {"id": 7}, "a\x00b", "ä", {"subscription_details": []})


def _count(stack: Stack, event_id: str) -> object:
    return stack.database.value("SELECT count(*) FROM stripe_events WHERE id = %s", event_id)


def test_an_event_is_stored_once_however_often_it_is_sent(stack: Stack, stripe: StripeSandbox) -> None:
    event = made_up_event()
    answers = [stripe.send(event) for _ in range(3)]
    assert [(answer.status_code, answer.json()) for answer in answers] == [
        (200, {"received": True, "duplicate": is_duplicate}) for is_duplicate in (False, True, True)
    ]
    assert _count(stack, event["id"]) == 1


@pytest.mark.parametrize("secret", ["whsec_next", "whsec_sandbox"])
def test_both_secrets_are_accepted_during_a_rotation(stripe: StripeSandbox, secret: str) -> None:
    assert stripe.send(made_up_event(), secret=secret).status_code == 200


def test_a_signature_may_be_almost_five_minutes_off(stripe: StripeSandbox) -> None:
    """Before and after the server's time."""
    for age in (290, -290):
        assert stripe.send(made_up_event(), age=age).status_code == 200


@pytest.mark.parametrize(
    "flaw",
    [
        "absent",
        "empty",
        "old",
        "future",
        "other secret",
        "other body",
        "no time",
        "huge time",
        "not ASCII",
        "body not UTF-8",
        "only v0",
        "garbage",
    ],
)
def test_a_bad_or_old_signature_is_rejected_and_nothing_is_stored(stack: Stack, flaw: str) -> None:
    """Red if only the age is bounded: `future`."""
    event = made_up_event()
    body = json.dumps(event).encode()
    good = signature(body)
    header: str | bytes | None = {
        "absent": None,
        "empty": "",
        "old": signature(body, age=302),
        "future": signature(body, age=-302),
        "other secret": signature(body, secret="whsec_other"),
        "other body": signature(body + b" "),
        "no time": good.partition(",")[2],
        "huge time": f"t={'9' * 400}," + good.partition(",")[2],
        "not ASCII": good.replace("v1=", "v1=ä").encode(),
        "body not UTF-8": signature(body, secret="whsec_other"),
        "only v0": good.replace("v1=", "v0="),
        "garbage": ",,=,t=,v1=,t=-1,v1",
    }[flaw]
    if flaw == "body not UTF-8":
        body += b"\xff"
    headers = {} if header is None else {b"stripe-signature": header}
    answer = httpx.post(f"{stack.base_url}/webhook/stripe", content=body, headers=headers)  # type: ignore[arg-type]  # bytes are fine
    problem(answer, 400, "webhook_invalid")
    assert _count(stack, event["id"]) == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"event"',
        b"{",
        b"\xff\xfe",
        b"[" * 10_000,
        b'{"a":' * 10_000,
        json.dumps(made_up_event(id="evt_\x00")).encode(),
        json.dumps(made_up_event(id="evt_\ud800")).encode(),
        json.dumps(made_up_event(id=7)).encode(),
        json.dumps(made_up_event(created="now")).encode(),
        json.dumps(made_up_event(created=10**30)).encode(),
        json.dumps(made_up_event(created=-1)).encode(),
        json.dumps(made_up_event(livemode="false")).encode(),
        json.dumps(made_up_event(data={"object": None})).encode(),
        json.dumps(made_up_event(type="")).encode(),
    ],
    ids=range(17),  # the bodies hold random ids, and every process of a run must name its tests alike
)
def test_a_signed_body_that_is_no_event_is_rejected(stripe: StripeSandbox, body: bytes) -> None:
    problem(stripe.send_bytes(body), 400, "validation_failed")


def _thin(**changes: object) -> Json:
    """Return a thin event of API v2."""
    event = {
        "id": f"evt_{secrets.token_hex(8)}",
        "object": "v2.core.event",
        "type": "v1.billing.meter.error_report_triggered",
        "livemode": False,
        "created": "2026-11-26T06:20:52.246Z",
        "context": None,
        "reason": None,
        "related_object": {"id": "mtr_1", "type": "billing.meter", "url": "/v1/billing/meters/mtr_1"},
    }
    return {**event, **changes}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"livemode": True},
        {"type": "v1.customer.subscription.updated"},
        {"type": "customer.subscription.updated", "data": {"object": {"id": "sub_1"}}},
        {"type": "v2.core.event_destination.ping", "related_object": None},
        {"object": "v3.core.event", "created": None},
        {"object": "meter", "type": 7},
        {"object": {}, "livemode": "no"},
    ],
)
def test_an_event_of_another_shape_is_stored_and_ignored(
    stack: Stack, stripe: StripeSandbox, changes: Json
) -> None:
    """Stripe would retry a rejected one for days; red with the shape of API v1 alone."""
    event = _thin(**changes)
    shape = "v2_event" if event["object"] == "v2.core.event" else "unknown_shape"
    for is_duplicate in (False, True):
        answer = stripe.send(event)
        assert (answer.status_code, answer.json()) == (200, {"received": True, "duplicate": is_duplicate})
    expected = "wrong_mode" if event["livemode"] is True else shape
    assert stripe.outcome(event) == expected
    assert (
        stack.database.value("SELECT subscription_id FROM stripe_events WHERE id = %s", event["id"]) is None
    )
    problem(stripe.send(event, secret="whsec_other"), 400, "webhook_invalid")
    problem(stripe.send(event, age=400), 400, "webhook_invalid")


@pytest.mark.parametrize("body", [b"{}", b'{"id": 7}', b'{"id": "evt \\u0000", "type": ""}', b'{"data": []}'])
def test_an_object_without_an_id_is_ignored_and_not_stored(
    stack: Stack, stripe: StripeSandbox, body: bytes
) -> None:
    before = stack.database.value("SELECT count(*) FROM stripe_events")
    answer = stripe.send_bytes(body)
    assert (answer.status_code, answer.json()) == (200, {"received": True, "duplicate": False})
    assert stack.database.value("SELECT count(*) FROM stripe_events") == before


@pytest.mark.parametrize("about", ["customer", "subscription", "id", "parent"])
def test_malformed_parts_of_an_event_are_ignored(stripe: StripeSandbox, about: str) -> None:
    for odd in _ODD:
        for kind in ("invoice.paid", "customer.subscription.updated", "checkout.session.completed"):
            event = made_up_event(type=kind, data={"object": {"id": "x_1", about: odd}})
            assert stripe.send(event).status_code == 200, odd


def test_a_huge_body_is_rejected(stripe: StripeSandbox) -> None:
    problem(stripe.send(made_up_event(padding="x" * 2**20)), 413, "body_too_large")


def test_events_of_the_other_mode_and_other_types_are_stored_and_ignored(
    stack: Stack, stripe: StripeSandbox
) -> None:
    """Red if the mode is ignored."""
    [user] = some_users(stack, 1)
    subscription = stripe.subscribe(user)
    [created] = [
        event for event in stripe.events(subscription) if event["type"] == "customer.subscription.created"
    ]
    assert stripe.send({**created, "livemode": True}).status_code == 200
    assert stripe.outcome(created) == "wrong_mode"
    assert stripe.stored(subscription) is None
    other = made_up_event()
    assert stripe.send(other).status_code == 200
    assert stripe.outcome(other) == "unknown_type"


def test_an_event_of_an_unknown_customer_is_stored_and_ignored(stripe: StripeSandbox) -> None:
    subscription = stripe.subscribe(None)
    events = stripe.events(subscription)
    for event in events:
        assert stripe.send(event).status_code == 200
    # Events are processed concurrently: of several fetches only the latest is applied.
    outcomes = set(stripe.outcomes(events))
    assert "unknown_customer" in outcomes
    assert outcomes <= {"unknown_customer", "unknown_type", "outdated"}
    assert stripe.stored(subscription) is None
    assert stripe.status(subscription) == "active"


def test_an_event_of_a_missing_object_is_finished(stripe: StripeSandbox) -> None:
    subscription = f"sub_{secrets.token_hex(8)}"
    event = made_up_event(
        type="customer.subscription.updated", data={"object": {"id": subscription, "customer": "cus_1"}}
    )
    assert stripe.send(event).status_code == 200
    assert stripe.outcome(event) == "not_stored"


def test_only_ids_of_an_event_are_stored(stack: Stack, stripe: StripeSandbox) -> None:
    mark = f"Street {secrets.token_hex(8)}"
    event = made_up_event(
        type="invoice.paid", data={"object": {"id": "in_1", "customer": "cus_1", "customer_address": mark}}
    )
    assert stripe.send(event).status_code == 200
    [row] = stack.database.rows("SELECT * FROM stripe_events WHERE id = %s", event["id"])
    assert mark not in str(row)
    assert mark not in stack.logs()


def test_without_the_database_stripe_is_asked_to_retry(stack: Stack, stripe: StripeSandbox) -> None:
    dead = stack.database.url.partition("@")[0] + f"@127.0.0.1:{free_port()}/app"
    elsewhere = stack.start_api(DATABASE_URL=dead)
    event = made_up_event()
    refused = stripe.send(event, to=elsewhere)
    problem(refused, 503, "service_unavailable")
    assert int(refused.headers["retry-after"]) >= 1
    assert stripe.send(event).json() == {"received": True, "duplicate": False}


def test_without_a_secret_every_event_is_rejected(stack: Stack, stripe: StripeSandbox) -> None:
    elsewhere = stack.start_api(STRIPE_WEBHOOK_SECRET="")
    event = made_up_event()
    problem(stripe.send(event, to=elsewhere), 503, "service_unavailable")
    problem(stripe.send(event, to=elsewhere, secret=""), 503, "service_unavailable")
    assert _count(stack, event["id"]) == 0
