"""The real Stripe SDK pointed at the sandbox, what tests do with an account there, and a webhook receiver."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypedDict

import httpx
import stripe
from pydantic import JsonValue

from tests.sandbox.running import PATIENCE

PRICE = "price_sandbox_pro"
SUCCESS = "http://app.test/return?session_id={CHECKOUT_SESSION_ID}"
CANCEL = "http://app.test/plans"
SECRET = "whsec_sandbox"
DAY = 24 * 3600


class RecordedCall(TypedDict):
    """A request as `GET /sandbox/stripe/calls` lists it."""

    method: str
    path: str
    request_id: str
    idempotency_key: str | None
    params: dict[str, JsonValue]
    failure: str | None
    executed: bool
    replayed: bool
    waiting: bool
    status: int | None


@dataclass(frozen=True)
class Account:
    """An empty Stripe account for one test."""

    url: str
    http: httpx.Client
    client: stripe.StripeClient

    def customer(self, **fields: str) -> str:
        email = fields.get("email", "ada@example.com")
        return self.client.v1.customers.create({"email": email}).id

    def checkout(self, customer: str | None = None, *, key: str | None = None) -> stripe.checkout.Session:
        """Open a checkout as the product does."""
        return self.client.v1.checkout.sessions.create(
            {
                "mode": "subscription",
                "customer": customer or self.customer(),
                "line_items": [{"price": PRICE, "quantity": 1}],
                "client_reference_id": "user-1",
                "metadata": {"user": "1"},
                "subscription_data": {"metadata": {"user": "1"}},
                "success_url": SUCCESS,
                "cancel_url": CANCEL,
            },
            options={"idempotency_key": key} if key else {},
        )

    def press(self, session: stripe.checkout.Session, button: str) -> httpx.Response:
        """Press a button on the payment page."""
        assert session.url is not None
        return self.http.post(session.url, data={"action": button})

    def subscribed(self, customer: str | None = None) -> stripe.Subscription:
        """Subscribe through a paid checkout."""
        session = self.checkout(customer)
        assert self.press(session, "pay").status_code == 303
        paid = self.client.v1.checkout.sessions.retrieve(session.id)
        return self.subscription(str(paid.subscription))

    def subscription(self, id_: str) -> stripe.Subscription:
        return self.client.v1.subscriptions.retrieve(id_)

    def order(self, path: str, **body: JsonValue) -> httpx.Response:
        """Give a control order."""
        answer = self.http.post(f"/sandbox/{path}", json=body)
        assert answer.is_success, answer.text
        return answer

    def made(self, **order: JsonValue) -> stripe.Subscription:
        """Make a subscription in a state."""
        return self.subscription(self.order("stripe/subscriptions", **order).json()["id"])

    def now(self) -> int:
        moment: int = self.http.get("/sandbox/clock").json()["now"]
        return moment

    def events(self) -> list[stripe.Event]:
        """All events, oldest first."""
        return list(self.client.v1.events.list({"limit": 100}).auto_paging_iter())[::-1]

    def types_of_events(self) -> list[str]:
        return [event.type for event in self.events()]

    def calls(self, path_contains: str, method: str = "") -> list[RecordedCall]:
        query = {"path_contains": path_contains, "method": method}
        listed: list[RecordedCall] = self.http.get("/sandbox/stripe/calls", params=query).json()
        return listed


def sdk(url: str, *, key: str = "sk_test_x", retries: int = 0) -> stripe.StripeClient:
    """The real SDK; it must not hide failures by trying again unless a test wants that."""
    return stripe.StripeClient(
        key,
        base_addresses={"api": url},
        max_network_retries=retries,
        http_client=stripe.RequestsClient(timeout=PATIENCE),
    )


def period_of(subscription: stripe.Subscription) -> tuple[int, int]:
    item = subscription["items"].data[0]
    return item.current_period_start, item.current_period_end


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@dataclass
class Received:
    """A webhook as it came."""

    body: bytes
    signature: str
    at: float

    def event(self, secret: str = SECRET) -> stripe.Event:
        """Verify it with the SDK and read it."""
        event: stripe.Event = stripe.Webhook.construct_event(self.body, self.signature, secret)
        return event


@dataclass
class Receiver:
    """A webhook endpoint that answers as it is told, first the statuses given, then 200."""

    url: str
    statuses: list[int] = field(default_factory=list)
    delay: float = 0
    received: list[Received] = field(default_factory=list)

    def types(self) -> list[str]:
        return [each.event().type for each in list(self.received)]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Run a receiver on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            signature = self.headers["stripe-signature"]
            receiver.received.append(Received(body, signature, time.monotonic()))
            time.sleep(receiver.delay)
            self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(f"http://127.0.0.1:{server.server_port}/webhook/stripe")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
