"""Events in any order: the stored state is Stripe's state."""

import random
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import permutations

import httpx
import pytest

from tests.support.stack import Stack
from tests.support.stripe import DAY, StripeSandbox, leave_tombstone, some_users
from tests.support.user import Json, User, ok
from tests.support.waiting import eventually

pytestmark = pytest.mark.server_version

_CREATED, _UPDATED, _DELETED = (f"customer.subscription.{what}" for what in ("created", "updated", "deleted"))
_ORDERS = sorted(set(permutations((_CREATED, _UPDATED, _UPDATED, _UPDATED, _DELETED))))


def _plan(user: User) -> str:
    plan: str = ok(user.http.get("/subscription/status"))["plan"]
    return plan


def _deliver(stripe: StripeSandbox, events: list[Json]) -> list[object]:
    """Send events one by one, and wait until they are processed."""
    for event in events:
        assert stripe.send(event).status_code == 200
    return stripe.outcomes(events)


def _life(stripe: StripeSandbox, user_id: str, *, until: str) -> str:
    """Create a subscription, change it three times, and perhaps end it."""
    subscription = stripe.subscribe(user_id)
    for ends in (True, False, True):
        stripe.change(subscription, ends=ends)
    if until == "canceled":
        stripe.cancel(subscription)
    return subscription


def _about_subscriptions(events: list[Json]) -> list[Json]:
    return [event for event in events if event["type"] in (_CREATED, _UPDATED, _DELETED)]


def test_a_paid_subscription_makes_pro_and_its_end_basic(
    stack: Stack, stripe: StripeSandbox, user: User
) -> None:
    stripe.reset(deliver=True)
    subscription = stripe.subscribe(user.id)
    eventually(lambda: _plan(user) == "pro", what="Pro")
    room = user.open_room()
    for number in range(6):
        assert user.post(room, f"Message {number}", Prefer="respond-async").status_code == 202
    status = ok(user.http.get("/subscription/status"))
    assert (status["status"], status["cancel_at_period_end"]) == ("active", False)
    left = datetime.fromisoformat(status["current_period_end"]) - datetime.now(UTC)
    assert timedelta(days=27) < left < timedelta(days=32)
    stripe.cancel(subscription)
    eventually(lambda: _plan(user) == "basic", what="Basic")
    assert user.post(room, "One more", Prefer="respond-async").status_code == 429
    assert stack.database.value("SELECT count(*) FROM subscriptions WHERE user_id = %s", user.id) == 1


def test_every_order_of_a_subscriptions_events_ends_in_the_same_state(
    stack: Stack, stripe: StripeSandbox
) -> None:
    assert len(_ORDERS) == 20
    ends: list[Json] = []
    for order, user in zip(_ORDERS, some_users(stack, len(_ORDERS)), strict=True):
        subscription = _life(stripe, user, until="canceled")
        by_type: dict[str, list[Json]] = {}
        for event in _about_subscriptions(stripe.events(subscription)):
            by_type.setdefault(event["type"], []).append(event)
        assert Counter({kind: len(events) for kind, events in by_type.items()}) == Counter(order)
        # Of the updates the newest first, so that an old one would win.
        _deliver(stripe, [by_type[kind].pop() for kind in order])
        row = stripe.stored(subscription)
        assert row is not None
        assert str(row["user_id"]) == user
        ends.append({name: row[name] for name in ("status", "cancel_at_period_end", "grace_until")})
    assert ends == [{"status": "canceled", "cancel_at_period_end": True, "grace_until": None}] * 20


def test_every_order_holds_while_the_subscription_still_changes(stack: Stack, stripe: StripeSandbox) -> None:
    """Send each event at once, and the earlier ones again later."""
    for turn, user in enumerate(some_users(stack, 5)):
        subscription = stripe.subscribe(user)
        for ends in (True, False, True):
            stripe.change(subscription, ends=ends)
            events = _about_subscriptions(stripe.events(subscription))
            random.Random(turn).shuffle(events)  # noqa: S311  # the same every time
            for event in events:
                assert stripe.send(event).status_code == 200
        stripe.cancel(subscription)
        _deliver(stripe, _about_subscriptions(stripe.events(subscription))[::-1])
        assert stripe.is_stored_as(subscription, "canceled")


def test_a_fetch_that_began_earlier_never_overwrites_a_later_one(stack: Stack, stripe: StripeSandbox) -> None:
    """Red without the sequence: a delayed response of an earlier fetch arrives last."""
    [user] = some_users(stack, 1)
    subscription = stripe.subscribe(user)
    [created] = [event for event in stripe.events(subscription) if event["type"] == _CREATED]
    stripe.fail("hold_after", f"/subscriptions/{subscription}")
    assert stripe.send(created).status_code == 200
    eventually(
        lambda: any(call["waiting"] for call in stripe.calls(f"/subscriptions/{subscription}")),
        what="the first look",
    )
    stripe.cancel(subscription)
    [deleted] = [event for event in stripe.events(subscription) if event["type"] == _DELETED]
    assert _deliver(stripe, [deleted]) == ["applied"]
    stripe.end_failures()
    assert stripe.outcome(created) == "outdated"
    assert stripe.is_stored_as(subscription, "canceled")


@pytest.mark.slow
def test_a_storm_of_events_ends_in_stripes_state(stack: Stack, stripe: StripeSandbox) -> None:
    """1,000 events three times each, shuffled, twenty at once, every twentieth also with a bad signature."""
    chance = random.Random(7)  # noqa: S311  # the same every time
    subscriptions = [stripe.subscribe(user) for user in some_users(stack, 60)]
    while len(events := stripe.events()) < 1000:
        for subscription in chance.sample(subscriptions, 30):
            stripe.change(subscription, ends=bool(chance.getrandbits(1)))
    for subscription in subscriptions[::4]:
        stripe.cancel(subscription)
    events = stripe.events()[-1000:]
    bad = [(event, flaw) for flaw, event in zip(range(150), chance.sample(events, 150), strict=True)]
    flaws: list[dict[str, object]] = [{"secret": "whsec_other"}, {"age": 400}, {"age": -400}]
    sent: list[tuple[Json, dict[str, object]]] = [(event, {}) for event in events * 3] + [
        (event, flaws[flaw % 3]) for event, flaw in bad
    ]
    chance.shuffle(sent)
    with ThreadPoolExecutor(20) as senders:
        answers = list(senders.map(lambda one: (stripe.send(one[0], **one[1]), bool(one[1])), sent))
    assert Counter((answer.status_code, is_bad) for answer, is_bad in answers) == {
        (200, False): 3000,
        (400, True): 150,
    }
    new = [answer for answer, is_bad in answers if not is_bad and not answer.json()["duplicate"]]
    assert len(new) == 1000
    ids = [event["id"] for event in events]
    eventually(
        lambda: (
            stack.database.value(
                "SELECT count(*) FROM stripe_events WHERE id = ANY(%s) AND processed_at IS NOT NULL", ids
            )
            == 1000
        ),
        seconds=120,
        what="the end of the storm",
    )
    for subscription in subscriptions:
        at_stripe, row = stripe.ask("GET", f"/subscriptions/{subscription}"), stripe.stored(subscription)
        assert row is not None
        assert (row["status"], row["cancel_at_period_end"]) == (
            at_stripe["status"],
            at_stripe["cancel_at_period_end"],
        )
    assert stack.database.value("SELECT max(attempts) FROM stripe_events WHERE id = ANY(%s)", ids) == 1


@pytest.mark.parametrize("kind", ["customer.subscription.created", "invoice.paid"])
def test_events_of_the_older_shape_are_parsed(stack: Stack, stripe: StripeSandbox, kind: str) -> None:
    """Red for invoices if the older field is ignored."""
    [user] = some_users(stack, 1)
    stripe.order("webhooks", deliver=True, old_shape=True)
    stripe.order("webhooks", deliver=False)
    subscription = stripe.subscribe(user)
    [event] = [event for event in stripe.events(subscription) if event["type"] == kind]
    stripe.order("webhooks/redeliver", events=[event["id"]])
    assert stripe.outcome(event) == "applied"
    row = stripe.stored(subscription)
    assert row is not None
    assert row["current_period_end"] > row["current_period_start"]


@pytest.mark.parametrize(
    ("failure", "times"), [("500", 3), ("429", 2), ("drop_before", 5), ("drop_after", 5)]
)
def test_an_event_is_retried_until_stripe_is_available(
    stack: Stack, stripe: StripeSandbox, failure: str, times: int
) -> None:
    """More often than the SDK and its transport retry."""
    [user] = some_users(stack, 1)
    subscription = stripe.subscribe(user)
    stripe.fail(failure, "/subscriptions", times=times)
    event = _about_subscriptions(stripe.events(subscription))[0]
    assert _deliver(stripe, [event]) == ["applied"]
    assert stripe.is_stored_as(subscription, "active")
    assert int(str(stack.database.value("SELECT attempts FROM stripe_events WHERE id = %s", event["id"]))) > 1


def test_a_stale_event_is_claimed_without_a_wake_up(stack: Stack, stripe: StripeSandbox) -> None:
    """Red without the poll: the wake-up is lost when Redis is."""
    [user] = some_users(stack, 1)
    subscription = stripe.subscribe(user)
    stack.database.run(
        "INSERT INTO stripe_events (id, type, livemode, subscription_id, created_at, received_at)"
        " VALUES (%s, %s, false, %s, now(), now())",
        f"evt_{subscription}",
        _CREATED,
        subscription,
    )
    assert stripe.outcome({"id": f"evt_{subscription}", "type": _CREATED}) == "applied"


@contextmanager
def _only_a_solo_worker(stack: Stack) -> Iterator[None]:
    """Run one worker with one thread within this block, as the client's command does."""
    for process in stack.processes:
        if process.name == "worker" and process.popen.poll() is None:
            process.stop()
    solo = stack.start_worker("--pool=solo")
    try:
        yield
    finally:
        solo.stop()
        stack.start_worker()


def test_replies_never_wait_for_stripe(stack: Stack, stripe: StripeSandbox, user: User) -> None:
    """Not even with one thread while any number of fetches hangs."""
    users = some_users(stack, 12)
    subscriptions = [stripe.subscribe(user_id) for user_id in users]
    created = [event for event in stripe.events() if event["type"] == _CREATED]
    with _only_a_solo_worker(stack):
        stripe.fail("hold_before", "/subscriptions/", times=1000)
        for event in created:
            assert stripe.send(event).status_code == 200
        eventually(
            lambda: any(call["waiting"] for call in stripe.calls("/subscriptions/")), what="a held look"
        )
        begun = time.monotonic()
        assert user.say(user.open_room(), "Quickly")["reply"]["status"] == "completed"
        assert time.monotonic() - begun < 8
        stripe.end_failures()
        stripe.outcomes(created)
    assert all(stripe.is_stored_as(subscription, "active") for subscription in subscriptions)


def test_of_two_live_subscriptions_the_later_is_cancelled(stack: Stack, stripe: StripeSandbox) -> None:
    """Red if the user's other subscriptions are not read; in either order of their events."""
    for backwards in (False, True):
        [user] = some_users(stack, 1)
        first = stripe.subscribe(user, started_at=int(time.time()) - DAY)
        second = stripe.subscribe(user)
        events = [event for event in stripe.events() if event["type"] == _CREATED][-2:]
        _deliver(stripe, events[::-1] if backwards else events)
        assert stripe.is_stored_as(second, "canceled")
        assert (stripe.status(first), stripe.status(second)) == ("active", "canceled")
        assert stripe.is_stored_as(first, "active")


def test_a_paid_subscription_is_kept_rather_than_an_older_unpaid_one(
    stack: Stack, stripe: StripeSandbox
) -> None:
    [user] = some_users(stack, 1)
    unpaid = stripe.subscribe(user, status="unpaid", started_at=int(time.time()) - DAY)
    paid = stripe.subscribe(user)
    _deliver(stripe, [event for event in stripe.events() if event["type"] == _CREATED])
    assert stripe.is_stored_as(unpaid, "canceled")
    assert (stripe.status(unpaid), stripe.status(paid)) == ("canceled", "active")


@pytest.mark.parametrize("trace", ["marked", "erased"])
def test_a_subscription_of_a_deleted_account_is_cancelled_at_once(
    stack: Stack, stripe: StripeSandbox, trace: str
) -> None:
    """Red without the cancellation: no user could end it any more."""
    [user] = some_users(stack, 1)
    if trace == "marked":
        stack.database.run("UPDATE users SET deleted_at = now() WHERE id = %s", user)
        stack.database.run(
            "INSERT INTO deleted_accounts SELECT sha256(uuid_send(id)), now() FROM users WHERE id = %s", user
        )
    else:
        leave_tombstone(stack, user)
    subscription = stripe.subscribe(user)
    assert _deliver(stripe, _about_subscriptions(stripe.events(subscription))[:1]) == ["deleted_user"]
    assert stripe.status(subscription) == "canceled"
    assert stripe.stored(subscription) is None


def test_without_metadata_the_customer_names_the_user(stack: Stack, stripe: StripeSandbox) -> None:
    [user], customer = some_users(stack, 1), stripe.customer()
    stack.database.run("INSERT INTO stripe_customers VALUES (%s, %s, now())", user, customer)
    subscription = stripe.subscribe(None, customer=customer)
    _deliver(stripe, stripe.events(subscription))
    row = stripe.stored(subscription)
    assert row is not None
    assert str(row["user_id"]) == user


def test_a_customer_deleted_at_stripe_loses_the_plan(stack: Stack, stripe: StripeSandbox) -> None:
    [user], customer = some_users(stack, 1), stripe.customer()
    stack.database.run("INSERT INTO stripe_customers VALUES (%s, %s, now())", user, customer)
    stack.database.run(
        "INSERT INTO checkouts (id, user_id, success_url, cancel_url, session_id, created_at)"
        " VALUES (gen_random_uuid(), %s, '', '', %s, now())",
        user,
        f"cs_{customer}",
    )
    subscription = stripe.subscribe(user, customer=customer)
    _deliver(stripe, _about_subscriptions(stripe.events(subscription))[:1])
    assert stripe.is_stored_as(subscription, "active")
    stripe.ask("DELETE", f"/customers/{customer}")
    [gone] = [event for event in stripe.events() if event["type"] == "customer.deleted"]
    assert _deliver(stripe, [gone]) == ["customer_forgotten"]
    assert stripe.is_stored_as(subscription, "canceled")
    assert stack.database.rows("SELECT * FROM stripe_customers WHERE user_id = %s", user) == []
    closed = stack.database.value("SELECT closed_at FROM checkouts WHERE user_id = %s", user)
    assert closed is not None


def test_a_finished_checkout_is_closed_and_its_subscription_stored(
    stack: Stack, stripe: StripeSandbox
) -> None:
    [user], customer = some_users(stack, 1), stripe.customer()
    session = stripe.ask(
        "POST",
        "/checkout/sessions",
        mode="subscription",
        customer=customer,
        success_url="http://localhost:8000/",
        **{
            "line_items[0][price]": "price_sandbox_pro",
            "line_items[0][quantity]": "1",
            "subscription_data[metadata][user_id]": user,
        },
    )
    stack.database.run(
        "INSERT INTO checkouts (id, user_id, success_url, cancel_url, session_id, created_at)"
        " VALUES (gen_random_uuid(), %s, '', '', %s, now())",
        user,
        session["id"],
    )
    assert httpx.post(session["url"], data={"action": "pay"}).status_code == 303
    [completed] = [event for event in stripe.events() if event["type"] == "checkout.session.completed"]
    assert _deliver(stripe, [completed]) == ["applied"]
    assert stripe.is_stored_as(completed["data"]["object"]["subscription"], "active")
    assert stack.database.value("SELECT closed_at FROM checkouts WHERE user_id = %s", user) is not None


@pytest.mark.parametrize(
    ("status", "begun_days_ago", "plan"),
    [
        ("trialing", 0, "pro"),
        ("past_due", 6, "pro"),
        ("past_due", 8, "basic"),
        ("unpaid", 0, "basic"),
        ("paused", 0, "basic"),
        ("incomplete", 0, "basic"),
        ("incomplete_expired", 0, "basic"),
        ("canceled", 0, "basic"),
    ],
)
def test_the_plan_that_follows_from_a_state(
    stripe: StripeSandbox, user: User, status: str, begun_days_ago: int, plan: str
) -> None:
    """Past due counts for seven days from the start of the unpaid period."""
    stripe.order("dunning", retry_after=[30 * DAY])
    begun = int(time.time()) - begun_days_ago * DAY
    subscription = stripe.subscribe(user.id, status=status, started_at=begun)
    _deliver(stripe, _about_subscriptions(stripe.events(subscription))[:1])
    shown = ok(user.http.get("/subscription/status"))
    assert (shown["plan"], shown["status"]) == (plan, status)
    if status == "past_due":
        grace = datetime.fromisoformat(shown["grace_until"])
        assert grace == datetime.fromtimestamp(begun, UTC) + timedelta(days=7)
    else:
        assert shown["grace_until"] is None


def test_grace_is_given_once_however_long_the_debt(stripe: StripeSandbox, user: User) -> None:
    """Red if it is counted from the current period, which restarts every month."""
    stripe.order("dunning", retry_after=[], afterwards="past_due")
    begun = int(time.time()) - 35 * DAY
    stripe.order("payments", outcome="decline")
    subscription = stripe.subscribe(user.id, status="past_due", started_at=begun)
    _deliver(stripe, _about_subscriptions(stripe.events(subscription))[:1])
    shown = ok(user.http.get("/subscription/status"))
    assert (shown["plan"], shown["status"]) == ("basic", "past_due")


def test_the_best_subscription_decides_not_the_newest(
    stack: Stack, stripe: StripeSandbox, user: User
) -> None:
    """Red with the newest: an end that is synced after a new start would hide it."""
    paid = stripe.subscribe(user.id, started_at=int(time.time()) - DAY)
    failed = stripe.subscribe(user.id, status="incomplete_expired")
    for subscription in (paid, failed):
        _deliver(stripe, _about_subscriptions(stripe.events(subscription))[:1])
    assert stripe.is_stored_as(failed, "incomplete_expired")
    assert _plan(user) == "pro"
    assert stack.database.value("SELECT count(*) FROM subscriptions WHERE user_id = %s", user.id) == 2
