"""API versions: today's, and the shape that older ones give to subscriptions and invoices."""

import re

from pydantic import JsonValue

from sandbox.stripe.problems import Json, StripeError

CURRENT = "2026-10-28.endive"
LAST_OLD = "2025-02-24.acacia"
FIRST_NEW_DATE = "2025-03-31"  # basil: periods moved to the items, invoices got a parent
WRITTEN = re.compile(r"\d{4}-\d{2}-\d{2}(\.[a-z]+)?\Z")


def checked_version(version: str) -> str:
    """Refuse what is no version at all."""
    if not WRITTEN.match(version):
        raise StripeError(400, f"Invalid Stripe API version: {version}")
    return version


def in_version(body: Json, version: str) -> Json:
    """Render a body of today's shape as a client or an endpoint of another version gets it."""
    if version >= FIRST_NEW_DATE:
        return body
    return {name: _older(value) for name, value in _reshaped(body).items()}


def _older(value: JsonValue) -> JsonValue:
    if isinstance(value, list):
        return [_older(each) for each in value]
    if isinstance(value, dict):
        return {name: _older(below) for name, below in _reshaped(value).items()}
    return value


def _reshaped(body: Json) -> Json:
    match body.get("object"):
        case "subscription":
            return with_period(body)
        case "subscription_item":
            return _without(body, "current_period_start", "current_period_end")
        case "invoice":
            return _old_invoice(body)
        case "line_item":
            return _old_line(body)
        case "event":
            return _old_event(body)
        case _:
            return body


def with_period(subscription: Json) -> Json:
    """Put the first item's period on the subscription."""
    item = _first(subscription.get("items"))
    period: Json = {
        name: item[name] for name in ("current_period_start", "current_period_end") if name in item
    }
    return {**subscription, **period}


def _old_invoice(invoice: Json) -> Json:
    details = _below(_below(invoice, "parent"), "subscription_details")
    return {
        **_without(invoice, "parent", "amount_overpaid"),
        "subscription": details.get("subscription"),
        "subscription_details": {"metadata": details.get("metadata")},
        "paid": invoice.get("status") == "paid",
        "payment_intent": None,
        "charge": None,
        "tax": None,
    }


def _old_line(line: Json) -> Json:
    details = _below(_below(line, "parent"), "subscription_item_details")
    return {
        **_without(line, "parent", "pricing"),
        "type": "subscription",
        "subscription": details.get("subscription"),
        "subscription_item": details.get("subscription_item"),
        "proration": False,
    }


def _old_event(event: Json) -> Json:
    data = _below(event, "data")
    previous = _below(data, "previous_attributes")
    if "items" in previous:
        return {**event, "data": {**data, "previous_attributes": with_period(previous)}}
    return event


def _first(items: JsonValue) -> Json:
    data = items.get("data") if isinstance(items, dict) else None
    first = data[0] if isinstance(data, list) and data else None
    return first if isinstance(first, dict) else {}


def _below(body: Json, name: str) -> Json:
    value = body.get(name)
    return value if isinstance(value, dict) else {}


def _without(body: Json, *names: str) -> Json:
    return {name: value for name, value in body.items() if name not in names}
