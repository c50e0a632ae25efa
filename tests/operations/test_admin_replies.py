"""Operators list, retry and cancel replies, process Stripe's events again, and request a reconciliation."""

import uuid

import pytest

from tests.support.operator import REASON, Operator, audit_rows
from tests.support.stack import Stack
from tests.support.stripe import StripeSandbox
from tests.support.user import Json, User, ok, problem
from tests.support.waiting import eventually

pytestmark = pytest.mark.server_version

_BODY = {"reason": REASON}


@pytest.fixture
def operator(stack: Stack) -> Operator:
    return Operator(stack)


def _failed(user: User, content: str = "[sandbox:400]") -> Json:
    reply: Json = user.say(user.open_room(), content)["reply"]
    assert reply["status"] == "failed"
    return reply


def test_failed_replies_are_listed_in_pages_without_their_text(user: User, operator: Operator) -> None:
    secret = f"secret{uuid.uuid4().hex}"
    replies = [_failed(user, f"[sandbox:400] {secret}") for _ in range(3)]
    query = {"status": "failed", "limit": "2"}
    first = operator.http.get("/admin/replies", params=query)
    second = operator.http.get("/admin/replies", params=query | {"cursor": ok(first)["next_cursor"]})
    listed = [reply["id"] for page in (first, second) for reply in ok(page)["replies"]][:3]
    assert listed == [reply["id"] for reply in reversed(replies)]
    assert secret not in first.text + second.text
    shown = ok(operator.http.get(f"/admin/replies/{listed[0]}"))
    assert shown == ok(first)["replies"][0]
    assert (shown["status"], shown["user_id"], shown["is_latest"]) == ("failed", user.id, True)
    other = operator.http.get("/admin/replies", params={"cursor": ok(first)["next_cursor"]})
    problem(other, 400, "cursor_invalid")
    problem(operator.http.get(f"/admin/replies/{uuid.uuid4()}"), 404, "reply_not_found")


def test_a_failed_reply_is_retried_once_and_recorded(stack: Stack, user: User, operator: Operator) -> None:
    reply = _failed(user, "[sandbox:400*1]")
    retried = ok(operator.http.post(f"/admin/replies/{reply['id']}/retry", json=_BODY))
    assert retried["outcome"] == "regenerated"
    again = user.wait_for({**reply, "id": retried["reply_id"]})
    assert again["status"] == "completed"
    assert user.usage()["used"] == 0
    problem(operator.http.post(f"/admin/replies/{again['id']}/retry"), 409, "reply_not_retryable")
    [row] = audit_rows(stack, user.id)
    assert (row["action"], row["subject_id"], row["reason"]) == ("reply.retried", reply["id"], REASON)


def test_no_reply_of_a_banned_user_is_retried(stack: Stack, user: User, operator: Operator) -> None:
    """Red when the retry does not read the ban."""
    reply = _failed(user)
    ok(operator.act(user.id, "ban"))
    problem(operator.http.post(f"/admin/replies/{reply['id']}/retry"), 403, "account_suspended")
    assert [row["action"] for row in audit_rows(stack, user.id)] == ["user.banned"]


def test_a_running_reply_is_cancelled(stack: Stack, user: User, operator: Operator) -> None:
    mark = uuid.uuid4().hex
    reply = ok(user.post(user.open_room(), f"[sandbox:hang] {mark}", Prefer="respond-async"))["reply"]
    eventually(lambda: stack.calls(mark), what="a call to Gemini")
    address = f"/admin/replies/{reply['id']}/cancel"
    assert ok(operator.http.post(address, json=_BODY))["outcome"] == "requested"
    assert user.wait_for(reply)["status"] == "cancelled"
    assert ok(operator.http.post(address))["outcome"] == "already_ended"
    assert [row["action"] for row in audit_rows(stack, user.id)] == ["reply.cancelled"]


def test_an_event_is_listed_and_processed_again(
    stack: Stack, stripe: StripeSandbox, user: User, operator: Operator
) -> None:
    subscription = stripe.subscribe(user.id)
    stripe.tell(subscription)
    listed = ok(operator.http.get("/admin/webhooks", params={"limit": 1}))
    [event] = listed["events"]
    assert event["subscription_id"] == subscription
    stack.database.run("DELETE FROM subscriptions WHERE stripe_subscription_id = %s", subscription)
    replayed = ok(operator.http.post(f"/admin/webhooks/{event['id']}/replay", json=_BODY))
    assert replayed == {"event_id": event["id"], "was_processed": True}
    eventually(lambda: stripe.is_stored_as(subscription, "active"), what="the subscription")
    problem(operator.http.post("/admin/webhooks/evt_unknown/replay"), 404, "event_not_found")
    if listed["next_cursor"]:
        older = ok(operator.http.get("/admin/webhooks", params={"cursor": listed["next_cursor"]}))
        assert event["id"] not in [each["id"] for each in older["events"]]


def test_a_requested_reconciliation_is_run_by_a_worker(
    stack: Stack, stripe: StripeSandbox, user: User, operator: Operator
) -> None:
    """Red when the task is not made due: it would run within the hour."""
    subscription = stripe.subscribe(user.id)
    asked = operator.http.post("/admin/reconcile", json=_BODY)
    assert (asked.status_code, asked.json()) == (202, {"job": "stripe_reconciliation"})
    due = stack.database.rows(
        "SELECT FROM audit_log WHERE action = 'reconciliation.requested' AND actor = %s",
        f"key:{operator.name}",
    )
    assert len(due) == 1
    eventually(lambda: stripe.is_stored_as(subscription, "active"), what="the repaired subscription")
