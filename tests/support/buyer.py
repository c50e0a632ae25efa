"""Somebody who buys, and the parts of Stripe that people see: its pages, and the passing of time."""

from dataclasses import dataclass

import httpx

from tests.support.person import Json, Person, ok
from tests.support.stripe import StripeSandbox
from tests.support.waiting import eventually


class StripePages(StripeSandbox):
    """Stripe's account with its payment pages and its calendar."""

    def press(self, page: str, button: str) -> httpx.Response:
        """Press a button on one of the pages, without following where it leads."""
        return httpx.post(page, data={"action": button}, timeout=30)

    def pass_time(self, **how_far: object) -> None:
        """Let time pass at Stripe, for so long or to the next thing of a kind."""
        self._http.post("/sandbox/clock", json=how_far).raise_for_status()

    def payments(self, outcome: str) -> None:
        """Let payments be taken, or declined, from now on."""
        self.order("payments", outcome=outcome)

    def fail_all(self, mode: str) -> None:
        """Let every request fail from now on."""
        self.order("failures", mode=mode, times=1000)

    def listed(self, path: str, **query: object) -> list[Json]:
        """Objects, as the account's owner sees them."""
        found: list[Json] = self.ask("GET", f"/{path}", limit=100, **query)["data"]
        return found


@dataclass(frozen=True)
class Buyer:
    """A person and what they do about money."""

    person: Person
    stripe: StripePages

    def subscribe(self, **addresses: str) -> httpx.Response:
        """Ask for the payment page."""
        return self.person.http.post("/subscribe/pro", json=addresses)

    def pay(self, checkout: Json) -> str:
        """Pay; returns the address that the browser is sent to."""
        paid = self.stripe.press(checkout["checkout_url"], "pay")
        assert paid.status_code == 303, paid.text
        return paid.headers["location"]

    def act(self, action: str) -> Json:
        """Cancel or resume."""
        return ok(self.person.http.post(f"/subscription/{action}"))

    def status(self, **query: str) -> Json:
        """The plan and so on."""
        return ok(self.person.http.get("/subscription/status", params=query))

    def become_pro(self) -> Json:
        """Buy, pay, and let the product ask Stripe about it; returns the checkout."""
        checkout = ok(self.subscribe())
        self.pay(checkout)
        assert self.status(session_id=checkout["session_id"])["plan"] == "pro"
        return checkout

    def customer(self) -> str:
        """The only customer that Stripe has for this person."""
        mine = {"user_id": self.person.id, "installation_id": self.stripe.installation_id}
        [found] = [one["id"] for one in self.stripe.listed("customers") if one["metadata"] == mine]
        return str(found)

    def subscription(self) -> str:
        """The only subscription that lives at Stripe."""
        [living] = self.stripe.listed("subscriptions", customer=self.customer())
        return str(living["id"])

    def open_sessions(self) -> list[Json]:
        """The payment pages that could still be paid."""
        return self.stripe.listed("checkout/sessions", customer=self.customer(), status="open")

    def wait_until(self, **expected: object) -> Json:
        """The status, once it shows all of this."""

        def arrived() -> Json | None:
            status = self.status()
            return status if expected.items() <= status.items() else None

        return eventually(arrived, what=f"a status with {expected}")
