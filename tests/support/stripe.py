"""The sandbox's Stripe: its objects and events, and what the product stores of them."""

import hmac
import json
import secrets
import time
import uuid
from collections.abc import Iterable
from hashlib import sha256
from itertools import islice

import httpx

from tests.support.stack import Stack
from tests.support.user import Json, client
from tests.support.waiting import eventually

SECRET = "whsec_sandbox"
DAY = 24 * 3600


def signature(body: bytes, *, secret: str = SECRET, age: float = 0) -> str:
    """Return Stripe's signature of a body, made `age` seconds ago."""
    moment = int(time.time() - age)
    return f"t={moment},v1={hmac.new(secret.encode(), b'%d.' % moment + body, sha256).hexdigest()}"


class StripeSandbox:
    """A Stripe account, empty at first, and the product that uses it."""

    def __init__(self, stack: Stack, *, is_reset: bool = True) -> None:
        self._stack = stack
        self._sender = client(stack.base_url)
        account = stack.settings["STRIPE_API_BASE"]
        self._http = client(account, headers={"Authorization": "Bearer sk_test_sandbox"})
        if is_reset:
            self.reset(deliver=False)

    def reset(self, *, deliver: bool) -> None:
        """Reset the account, and deliver events to the product or not."""
        self._http.delete("/sandbox/stripe").raise_for_status()
        self._http.delete("/sandbox/stripe/failures").raise_for_status()
        self.order("webhooks", url=f"{self._stack.base_url}/webhook/stripe", deliver=deliver)

    def order(self, path: str, **body: object) -> Json:
        """Send a control request."""
        answer = self._http.post(f"/sandbox/stripe/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else {}

    def fail(self, mode: str, path: str, *, times: int = 1, method: str = "GET") -> None:
        """Make the next requests fail whose paths contain this."""
        self.order("failures", mode=mode, path_contains=path, times=times, method=method)

    def end_failures(self) -> None:
        """End all failures and waits."""
        self._http.delete("/sandbox/stripe/failures").raise_for_status()

    def ask(self, method: str, path: str, **params: object) -> Json:
        """Send a request to Stripe's API."""
        given = {"params": params} if method == "GET" else {"data": params}
        answer: Json = self._http.request(method, f"/v1{path}", **given).raise_for_status().json()  # type: ignore[arg-type]  # made of JSON
        return answer

    def calls(self, path: str, method: str = "GET") -> list[Json]:
        """Return the requests that Stripe received."""
        answer = self._http.get("/sandbox/stripe/calls", params={"path_contains": path, "method": method})
        found: list[Json] = answer.json()
        return found

    def customer(self) -> str:
        """Create a customer that the product does not know."""
        id_: str = self.ask("POST", "/customers")["id"]
        return id_

    @property
    def installation_id(self) -> str:
        """Return the id of this stack's installation on the account."""
        return str(self._stack.database.value("SELECT id FROM installation"))

    def subscribe(self, user_id: str | None, *, status: str = "active", **order: object) -> str:
        """Create a subscription in this state, by default of a new customer; return its id.

        Unless `metadata` is given it has that of our own checkouts, and none without a user.
        """
        order.setdefault("customer", self.customer())
        own = {"user_id": user_id, "installation_id": self.installation_id} if user_id else {}
        order.setdefault("metadata", own)
        id_: str = self.order("subscriptions", status=status, **order)["id"]
        return id_

    def change(self, subscription: str, *, ends: bool) -> None:
        """Make a subscription end with its period, or continue."""
        self.ask("POST", f"/subscriptions/{subscription}", cancel_at_period_end=str(ends).lower())

    def cancel(self, subscription: str) -> None:
        """End a subscription at once."""
        self.ask("DELETE", f"/subscriptions/{subscription}")

    def status(self, subscription: str) -> str:
        """Return a subscription as Stripe has it."""
        status: str = self.ask("GET", f"/subscriptions/{subscription}")["status"]
        return status

    def events(self, about: str | None = None) -> list[Json]:
        """Return events, oldest first; with an id, only those about that object or its subscription."""
        found: list[Json] = []
        more: Json = {"has_more": True}
        while more["has_more"]:
            after = {"starting_after": found[-1]["id"]} if found else {}
            more = self.ask("GET", "/events", limit=100, **after)
            found += more["data"]
        return [event for event in found[::-1] if about is None or about in json.dumps(event["data"])]

    def send(self, event: Json, *, to: str | None = None, **signed: object) -> httpx.Response:
        """Deliver an event to the product."""
        return self.send_bytes(json.dumps(event).encode(), to=to, **signed)

    def send_bytes(self, body: bytes, *, to: str | None = None, **signed: object) -> httpx.Response:
        """Deliver a signed body."""
        header = signature(body, **signed)  # type: ignore[arg-type]  # secret and age
        return self._sender.post(
            f"{to or self._stack.base_url}/webhook/stripe",
            content=body,
            headers={"stripe-signature": header, "content-type": "application/json"},
        )

    def tell(self, subscription: str) -> object:
        """Deliver the event of a new subscription, and return its outcome."""
        kind = "customer.subscription.created"
        [event] = [event for event in self.events(subscription) if event["type"] == kind]
        assert self.send(event).status_code == 200
        return self.outcome(event)

    def outcome(self, event: Json) -> object:
        """Wait until a worker has processed an event, and return its outcome."""
        row = eventually(
            lambda: self._stack.database.rows(
                "SELECT outcome FROM stripe_events WHERE id = %s AND processed_at IS NOT NULL", event["id"]
            ),
            what=f"the end of {event['type']}",
        )
        return row[0]["outcome"]

    def outcomes(self, events: Iterable[Json]) -> list[object]:
        """Return the outcomes of these events."""
        return [self.outcome(event) for event in events]

    def stored(self, subscription: str) -> Json | None:
        """Return the product's row of a subscription."""
        rows = self._stack.database.rows(
            "SELECT * FROM subscriptions WHERE stripe_subscription_id = %s", subscription
        )
        return rows[0] if rows else None

    def is_stored_as(self, subscription: str, status: str) -> bool:
        """Return whether the product has a subscription in this state."""
        row = self.stored(subscription)
        return row is not None and row["status"] == status


def made_up_event(**changes: object) -> Json:
    """Return an event of no particular kind."""
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
    """Return the reports of all reconciliations, the newest last."""
    lines = [line for line in stack.logs().splitlines() if '"stripe_drift"' in line]
    return sorted((json.loads(line) for line in lines), key=lambda report: str(report["timestamp"]))


def reconcile(stack: Stack) -> Json:
    """Start the next reconciliation now, and return its report."""
    before = len(reports(stack))
    known = "SELECT 1 AS known FROM periodic_jobs WHERE name = 'stripe_reconciliation'"
    eventually(lambda: stack.database.rows(known), what="the row of the job")
    stack.database.run("UPDATE periodic_jobs SET next_run_at = now() WHERE name = 'stripe_reconciliation'")
    eventually(lambda: len(reports(stack)) > before, seconds=60, what="a run")
    return reports(stack)[-1]


def leave_tombstone(stack: Stack, user_id: str) -> None:
    """Mark a user as deleted and erased."""
    stack.database.run("INSERT INTO deleted_accounts SELECT sha256(uuid_send(%s)), now()", uuid.UUID(user_id))
    stack.database.run("DELETE FROM users WHERE id = %s", user_id)


def some_users(stack: Stack, count: int) -> list[str]:
    """Create accounts without sign-ups, and return their ids."""
    ids = [str(uuid.uuid4()) for _ in range(count)]
    numbers = islice(iter(lambda: f"+1555{secrets.randbelow(10**9):09d}", ""), count)
    for id_, number in zip(ids, numbers, strict=True):
        stack.database.run(
            "INSERT INTO users (id, mobile_number, created_at) VALUES (%s, %s, now())",
            id_,
            number,
        )
    return ids
