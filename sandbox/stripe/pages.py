"""The pages a browser sees: checkout, the customer portal, an invoice."""

from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox.stripe.account import Account
from sandbox.stripe.billing import UPDATED
from sandbox.stripe.form import decoded
from sandbox.stripe.invoices import Invoice, InvoiceStatus
from sandbox.stripe.layout import button, facts, form, link, page, paragraph
from sandbox.stripe.managing import end_at
from sandbox.stripe.problems import StripeError
from sandbox.stripe.sessions import CheckoutSession, PortalSession, SessionStatus
from sandbox.stripe.subscriptions import Subscription

DECLINED = "Your card was declined. Try again, or use another card."


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages and what their buttons do."""

    account: Account

    def routes(self) -> list[Route]:
        return [
            Route("/checkout/{id}", self.checkout, methods=["GET"]),
            Route("/checkout/{id}", self.decide, methods=["POST"]),
            Route("/portal/{id}", self.portal, methods=["GET"]),
            Route("/portal/{id}", self.manage, methods=["POST"]),
            Route("/invoice/{id}", self.invoice, methods=["GET"]),
        ]

    async def checkout(self, request: Request) -> Response:
        """Show what is sold and the buttons."""
        self.account.timeline.catch_up()
        session = self.account.store.sessions.get(request.path_params["id"])
        return _no_page() if session is None else _checkout(session)

    async def decide(self, request: Request) -> Response:
        """Pay, decline or cancel."""
        self.account.timeline.catch_up()
        session = self.account.store.sessions.get(request.path_params["id"])
        if session is None:
            return _no_page()
        action = await _action(request)
        if action == "cancel" and session.cancel_url is not None:
            return _away(session.cancel_url)
        if session.status is not SessionStatus.OPEN or action not in {"pay", "decline"}:
            return _checkout(session)
        try:
            if action == "pay" and self.account.checkout.pay(session):
                return _away(session.return_address)
        except StripeError as error:
            return _checkout(session, problem=error.message)
        return _checkout(session, problem=DECLINED)

    async def portal(self, request: Request) -> Response:
        """Show the customer's subscriptions."""
        self.account.timeline.catch_up()
        portal = self.account.store.portals.get(request.path_params["id"])
        return _no_page() if portal is None else self._portal(portal)

    async def manage(self, request: Request) -> Response:
        """Cancel, resume or pay the newest subscription, or go back."""
        self.account.timeline.catch_up()
        portal = self.account.store.portals.get(request.path_params["id"])
        if portal is None:
            return _no_page()
        action, subscription = await _action(request), self._newest(portal)
        if action == "back" and portal.return_url is not None:
            return _away(portal.return_url)
        if subscription is not None and not self._did(action, subscription):
            return self._portal(portal, problem=DECLINED)
        return RedirectResponse(portal.page, 303)

    async def invoice(self, request: Request) -> Response:
        """Show an invoice."""
        invoice = self.account.store.invoices.get(request.path_params["id"])
        return _no_page() if invoice is None else _invoice(invoice)

    def _did(self, action: str, subscription: Subscription) -> bool:
        """Do what was asked; today's portal sets the date of the end, not `cancel_at_period_end`."""
        owed = self.account.store.open_invoice(subscription)
        if action == "pay" and owed is not None:
            return self.account.billing.attempt(owed)
        with self.account.events.changing(UPDATED, subscription):
            if action == "cancel":
                end_at(subscription, self.account.clock.now(), subscription.period_end)
            if action == "resume":
                end_at(subscription, self.account.clock.now(), None)
        return True

    def _newest(self, portal: PortalSession) -> Subscription | None:
        customer = self.account.store.customers[portal.customer]
        return next(iter(self.account.store.of_customer(customer)), None)

    def _portal(self, portal: PortalSession, problem: str = "") -> HTMLResponse:
        subscription = self._newest(portal)
        back = button("back", "Back") if portal.return_url else ""
        alert = paragraph(problem, id_="problem", role="alert") if problem else ""
        if subscription is None:
            nothing = paragraph("There is no subscription.", id_="nothing")
            return page("Your subscription", alert, nothing, form(back) if back else "")
        ends = subscription.cancel_at is not None
        said = facts(
            product=subscription.price.product.name,
            price=f"{subscription.price.shown} a month",
            status=subscription.status,
            **{"ends" if ends else "renews": _day(subscription.cancel_at or subscription.period_end)},
        )
        owed = self.account.store.open_invoice(subscription) is not None
        return page(
            "Your subscription",
            alert,
            said,
            form(
                button("pay", "Pay the open invoice", main=True) if owed else "",
                button("resume", "Do not cancel") if ends else button("cancel", "Cancel at period end"),
                back,
            ),
        )


def _checkout(session: CheckoutSession, problem: str = "") -> HTMLResponse:
    product, cents = session.price.product, session.amount
    title = f"Subscribe to {product.name}"
    amount = paragraph(f"${cents / 100:.2f} a month", id_="price", kind="price")
    if session.status is SessionStatus.COMPLETE:
        done = paragraph("This checkout was paid already.", id_="complete", role="status")
        return page(title, done, link(session.return_address, "Go on", id_="return"))
    if session.status is SessionStatus.EXPIRED:
        over = paragraph("This checkout has expired.", id_="expired", role="alert")
        return page(
            title, over, link(session.cancel_url, "Go back", id_="return") if session.cancel_url else ""
        )
    return page(
        title,
        paragraph(product.description, id_="product"),
        amount,
        paragraph(problem, id_="problem", role="alert") if problem else "",
        form(
            button("pay", "Pay", main=True),
            button("decline", "Decline (the bank says no)"),
            button("cancel", "Cancel") if session.cancel_url else "",
        ),
    )


def _invoice(invoice: Invoice) -> HTMLResponse:
    paid = invoice.status is InvoiceStatus.PAID
    return page(
        f"Invoice {invoice.number}",
        facts(
            status=invoice.status,
            amount=f"${invoice.amount / 100:.2f}",
            date=_day(invoice.created),
            period=f"{_day(invoice.line.period_start)} to {_day(invoice.line.period_end)}",
            paid=_day(invoice.paid_at) if paid and invoice.paid_at is not None else "no",
        ),
    )


def _no_page() -> HTMLResponse:
    return page("Not found", paragraph("There is no such page, or no longer.", role="alert"), status=404)


def _away(url: str) -> RedirectResponse:
    return RedirectResponse(url, 303)


async def _action(request: Request) -> str:
    action = decoded(await request.body()).get("action")
    return action if isinstance(action, str) else ""


def _day(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M} UTC"
