"""Stripe as the sandbox plays it: what happens there, what it tells us, and what we make of that."""

import hmac
import json
import secrets
import time
import uuid
from collections.abc import Iterable
from hashlib import sha256
from itertools import islice

import httpx

from tests.support.person import Json, client
from tests.support.stack import Stack
from tests.support.waiting import eventually

SECRET = "whsec_sandbox"
DAY = 24 * 3600


def signature(body: bytes, *, secret: str = SECRET, age: float = 0) -> str:
    """Stripe's signature of a body, made so many seconds ago."""
    moment = int(time.time() - age)
    return f"t={moment},v1={hmac.new(secret.encode(), b'%d.' % moment + body, sha256).hexdigest()}"


class StripeSandbox:
    """An account at Stripe that is empty at first, and the product that it belongs to."""

    def __init__(self, stack: Stack, *, is_reset: bool = True) -> None:
        self._stack = stack
        self._sender = client(stack.base_url)
        account = stack.settings["STRIPE_API_BASE"]
        self._http = client(account, headers={"Authorization": "Bearer sk_test_sandbox"})
        if is_reset:
            self.reset(deliver=False)

    def reset(self, *, deliver: bool) -> None:
        """Forget everything, and let events be delivered to the product or not."""
        self._http.delete("/sandbox/stripe").raise_for_status()
        self._http.delete("/sandbox/stripe/failures").raise_for_status()
        self.order("webhooks", url=f"{self._stack.base_url}/webhook/stripe", deliver=deliver)

    def order(self, path: str, **body: object) -> Json:
        """Give a control order."""
        answer = self._http.post(f"/sandbox/stripe/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else {}

    def fail(self, mode: str, path: str, *, times: int = 1, method: str = "GET") -> None:
        """Let the next requests to paths that contain this fail."""
        self.order("failures", mode=mode, path_contains=path, times=times, method=method)

    def end_failures(self) -> None:
        """Let everything go that fails or waits."""
        self._http.delete("/sandbox/stripe/failures").raise_for_status()

    def ask(self, method: str, path: str, **params: object) -> Json:
        """A request to Stripe's own API."""
        given = {"params": params} if method == "GET" else {"data": params}
        answer: Json = self._http.request(method, f"/v1{path}", **given).raise_for_status().json()  # type: ignore[arg-type]  # made of JSON
        return answer

    def calls(self, path: str, method: str = "GET") -> list[Json]:
        """The requests that Stripe got from everybody."""
        answer = self._http.get("/sandbox/stripe/calls", params={"path_contains": path, "method": method})
        found: list[Json] = answer.json()
        return found

    def customer(self) -> str:
        """A customer that nobody has told us of."""
        id_: str = self.ask("POST", "/customers")["id"]
        return id_

    @property
    def installation_id(self) -> str:
        """What tells this stack's database from others on the account."""
        return str(self._stack.database.value("SELECT id FROM installation"))

    def subscribe(self, user_id: str | None, *, status: str = "active", **order: object) -> str:
        """A subscription in this state, of a new customer unless one is named; returns its id.

        Unless `metadata` is given it has that of our own checkouts, and none without a user.
        """
        order.setdefault("customer", self.customer())
        own = {"user_id": user_id, "installation_id": self.installation_id} if user_id else {}
        order.setdefault("metadata", own)
        id_: str = self.order("subscriptions", status=status, **order)["id"]
        return id_

    def change(self, subscription: str, *, ends: bool) -> None:
        """Let a subscription end with its period, or go on."""
        self.ask("POST", f"/subscriptions/{subscription}", cancel_at_period_end=str(ends).lower())

    def cancel(self, subscription: str) -> None:
        """End a subscription at once."""
        self.ask("DELETE", f"/subscriptions/{subscription}")

    def status(self, subscription: str) -> str:
        """How a subscription is at Stripe."""
        status: str = self.ask("GET", f"/subscriptions/{subscription}")["status"]
        return status

    def events(self, about: str | None = None) -> list[Json]:
        """All events, oldest first; of them those whose object, or its subscription, is this one."""
        found: list[Json] = []
        more: Json = {"has_more": True}
        while more["has_more"]:
            after = {"starting_after": found[-1]["id"]} if found else {}
            more = self.ask("GET", "/events", limit=100, **after)
            found += more["data"]
        return [event for event in found[::-1] if about is None or about in json.dumps(event["data"])]

    def send(self, event: Json, *, to: str | None = None, **signed: object) -> httpx.Response:
        """Deliver an event by hand."""
        return self.send_bytes(json.dumps(event).encode(), to=to, **signed)

    def send_bytes(self, body: bytes, *, to: str | None = None, **signed: object) -> httpx.Response:
        """Deliver a body, signed."""
        header = signature(body, **signed)  # type: ignore[arg-type]  # secret and age
        return self._sender.post(
            f"{to or self._stack.base_url}/webhook/stripe",
            content=body,
            headers={"stripe-signature": header, "content-type": "application/json"},
        )

    def tell(self, subscription: str) -> object:
        """Deliver the event of a subscription's beginning; what came of it."""
        kind = "customer.subscription.created"
        [event] = [event for event in self.events(subscription) if event["type"] == kind]
        assert self.send(event).status_code == 200
        return self.outcome(event)

    def outcome(self, event: Json) -> object:
        """What came of an event, once a worker is done with it."""
        row = eventually(
            lambda: self._stack.database.rows(
                "SELECT outcome FROM stripe_events WHERE id = %s AND processed_at IS NOT NULL", event["id"]
            ),
            what=f"the end of {event['type']}",
        )
        return row[0]["outcome"]

    def outcomes(self, events: Iterable[Json]) -> list[object]:
        """What came of these."""
        return [self.outcome(event) for event in events]

    def stored(self, subscription: str) -> Json | None:
        """What we hold of a subscription."""
        rows = self._stack.database.rows(
            "SELECT * FROM subscriptions WHERE stripe_subscription_id = %s", subscription
        )
        return rows[0] if rows else None

    def is_stored_as(self, subscription: str, status: str) -> bool:
        """Whether we hold a subscription in this state."""
        row = self.stored(subscription)
        return row is not None and row["status"] == status


def made_up_event(**changes: object) -> Json:
    """An event about nothing in particular."""
    event = {
        "id": f"evt_{secrets.token_hex(8)}",
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": int(time.time()),
        "livemode": False,
        "type": "plan.created",
        "data": {"object": {"id": "plan_1", "object": "plan"}},
    }
    return {**event, **changes}


def reports(stack: Stack) -> list[Json]:
    """What reconciliations said of what they found, the newest last, whichever worker ran them."""
    lines = [line for line in stack.logs().splitlines() if '"stripe_drift"' in line]
    return sorted((json.loads(line) for line in lines), key=lambda report: str(report["timestamp"]))


def reconcile(stack: Stack) -> Json:
    """Let the next reconciliation begin now; what it reports."""
    before = len(reports(stack))
    known = "SELECT 1 AS known FROM periodic_jobs WHERE name = 'stripe_reconciliation'"
    eventually(lambda: stack.database.rows(known), what="a worker that knows of the job")
    stack.database.run("UPDATE periodic_jobs SET next_run_at = now() WHERE name = 'stripe_reconciliation'")
    eventually(lambda: len(reports(stack)) > before, seconds=60, what="a run")
    return reports(stack)[-1]


def leave_tombstone(stack: Stack, user_id: str) -> None:
    """Let a user have been deleted here, and erased."""
    stack.database.run("INSERT INTO deleted_accounts SELECT sha256(uuid_send(%s)), now()", uuid.UUID(user_id))
    stack.database.run("DELETE FROM users WHERE id = %s", user_id)


def some_people(stack: Stack, count: int) -> list[str]:
    """Ids of accounts that were made without anybody signing up."""
    ids = [str(uuid.uuid4()) for _ in range(count)]
    numbers = islice(iter(lambda: f"+1555{secrets.randbelow(10**9):09d}", ""), count)
    for id_, number in zip(ids, numbers, strict=True):
        stack.database.run(
            "INSERT INTO users (id, mobile_number, created_at) VALUES (%s, %s, now())",
            id_,
            number,
        )
    return ids
