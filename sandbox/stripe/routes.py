"""Stripe's routes: the API, the pages for browsers, and the control for tests."""

from collections.abc import Callable
from typing import TypeVar

from starlette.routing import BaseRoute, Route

from sandbox.stripe.account import Account
from sandbox.stripe.control import Control
from sandbox.stripe.gate import Method
from sandbox.stripe.managing import Subscriptions
from sandbox.stripe.pages import Pages
from sandbox.stripe.params import (
    CanceledSubscription,
    ChangedCustomer,
    ChangedSubscription,
    CustomerList,
    EventList,
    InvoiceList,
    NewCustomer,
    NewPortal,
    NewSession,
    Params,
    PriceList,
    SessionList,
    SubscriptionList,
)
from sandbox.stripe.problems import Json
from sandbox.stripe.reading import Catalogue, EventLog, Invoices
from sandbox.stripe.selling import Customers, Portals, Sessions

P = TypeVar("P", bound=Params)


def stripe_routes(account: Account) -> list[BaseRoute]:
    """Build all of Stripe's routes over one account."""
    routes = [*_api(account), *Pages(account).routes(), *Control(account).routes()]
    if account.state is not None:
        for route in routes:
            route.app = account.state.saving(route.app)
    return list[BaseRoute](routes)


def _api(account: Account) -> list[Route]:
    def route(verb: str, path: str, params: type[P], execute: Callable[[P, str], Json]) -> Route:
        return Route(f"/v1{path}", Method(account, params, execute), methods=[verb])

    customers, sessions, portals = Customers(account), Sessions(account), Portals(account)
    subscriptions, catalogue = Subscriptions(account), Catalogue()
    invoices, events = Invoices(account), EventLog(account)
    return [
        route("POST", "/customers", NewCustomer, customers.create),
        route("GET", "/customers", CustomerList, customers.list),
        route("GET", "/customers/{id}", Params, customers.retrieve),
        route("POST", "/customers/{id}", ChangedCustomer, customers.change),
        route("DELETE", "/customers/{id}", Params, customers.delete),
        route("GET", "/prices", PriceList, catalogue.list),
        route("GET", "/prices/{id}", Params, catalogue.price),
        route("GET", "/products/{id}", Params, catalogue.product),
        route("POST", "/checkout/sessions", NewSession, sessions.create),
        route("GET", "/checkout/sessions", SessionList, sessions.list),
        route("GET", "/checkout/sessions/{id}", Params, sessions.retrieve),
        route("POST", "/checkout/sessions/{id}/expire", Params, sessions.expire),
        route("GET", "/subscriptions", SubscriptionList, subscriptions.list),
        route("GET", "/subscriptions/{id}", Params, subscriptions.retrieve),
        route("POST", "/subscriptions/{id}", ChangedSubscription, subscriptions.change),
        route("DELETE", "/subscriptions/{id}", CanceledSubscription, subscriptions.cancel),
        route("POST", "/billing_portal/sessions", NewPortal, portals.create),
        route("GET", "/invoices", InvoiceList, invoices.list),
        route("GET", "/invoices/{id}", Params, invoices.retrieve),
        route("GET", "/events", EventList, events.list),
        route("GET", "/events/{id}", Params, events.retrieve),
    ]
