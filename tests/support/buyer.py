"""A user who buys Pro, and the parts of Stripe that users see: its pages and its clock."""

from dataclasses import dataclass

import httpx

from tests.support.stripe import StripeSandbox
from tests.support.user import Json, User, ok
from tests.support.waiting import eventually


class StripePages(StripeSandbox):
    """The Stripe account with its payment pages and its clock."""

    def press(self, page: str, button: str) -> httpx.Response:
        """Press a button on a page, without following the redirect."""
        return httpx.post(page, data={"action": button}, timeout=30)

    def pass_time(self, **how_far: object) -> None:
        """Advance Stripe's clock by a time or to the next occurrence of a kind."""
        self._http.post("/sandbox/clock", json=how_far).raise_for_status()

    def payments(self, outcome: str) -> None:
        """Make all later payments succeed or fail."""
        self.order("payments", outcome=outcome)

    def fail_all(self, mode: str) -> None:
        """Make every later request fail."""
        self.order("failures", mode=mode, times=1000)

    def listed(self, path: str, **query: object) -> list[Json]:
        """Return the objects that the account's owner sees."""
        found: list[Json] = self.ask("GET", f"/{path}", limit=100, **query)["data"]
        return found


@dataclass(frozen=True)
class Buyer:
    """A user and the actions about the subscription."""

    user: User
    stripe: StripePages

    def subscribe(self, **addresses: str) -> httpx.Response:
        """Request a payment page."""
        return self.user.http.post("/subscribe/pro", json=addresses)

    def pay(self, checkout: Json) -> str:
        """Pay, and return the address that the browser is redirected to."""
        paid = self.stripe.press(checkout["checkout_url"], "pay")
        assert paid.status_code == 303, paid.text
        return paid.headers["location"]

    def act(self, action: str) -> Json:
        """Cancel or resume the subscription."""
        return ok(self.user.http.post(f"/subscription/{action}"))

    def status(self, **query: str) -> Json:
        """Return the subscription status."""
        return ok(self.user.http.get("/subscription/status", params=query))

    def become_pro(self) -> Json:
        """Buy, pay, and make the product fetch the result from Stripe; return the checkout."""
        checkout = ok(self.subscribe())
        self.pay(checkout)
        assert self.status(session_id=checkout["session_id"])["plan"] == "pro"
        return checkout

    def customer(self) -> str:
        """Return the only customer that Stripe has for this user."""
        mine = {"user_id": self.user.id, "installation_id": self.stripe.installation_id}
        [found] = [one["id"] for one in self.stripe.listed("customers") if one["metadata"] == mine]
        return str(found)

    def subscription(self) -> str:
        """Return the only live subscription at Stripe."""
        [living] = self.stripe.listed("subscriptions", customer=self.customer())
        return str(living["id"])

    def open_sessions(self) -> list[Json]:
        """Return the payment pages that are still open."""
        return self.stripe.listed("checkout/sessions", customer=self.customer(), status="open")

    def wait_until(self, **expected: object) -> Json:
        """Wait until the status has these members, and return it."""

        def arrived() -> Json | None:
            status = self.status()
            return status if expected.items() <= status.items() else None

        return eventually(arrived, what=f"a status with {expected}")
