"""Parses Stripe's objects from plain JSON, because the SDK's objects are not mappings."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from app.stripe_client.base import CheckoutSession, CheckoutState, Invoice, StripeSubscription

_USER_ID, _INSTALLATION_ID = "user_id", "installation_id"

Json = Mapping[str, object]

_PERIOD_REASONS = (None, "subscription_create", "subscription_cycle", "subscription")
"""The `billing_reason` of invoices for a whole period; older invoices have none."""
_NOT_COLLECTED = frozenset({"void", "draft"})
_COLLECTED = frozenset({"paid", "open"})

_SESSION_LIFETIME = timedelta(hours=24)


def own_metadata(user_id: UUID, installation_id: UUID) -> dict[str, str]:
    """Return the metadata of objects that this service creates: the user and the installation."""
    return {_USER_ID: str(user_id), _INSTALLATION_ID: str(installation_id)}


def subscription_from(body: Json, selling: Collection[str] | None = ()) -> StripeSubscription:
    """Parse a subscription, given those of its prices that sell Pro; None if they are unknown.

    Items have the period; before API version 2025-03-31 the subscription had it. Items of other products may
    have other periods.
    """
    items = [item for item in _items(body.get("items")) if "current_period_end" in item]
    items = [item for item in items if _price_of(item).get("id") in (selling or ())] or items or [body]
    products = products_of(body)
    starts = [timestamp for item in items if (timestamp := _timestamp(item.get("current_period_start")))]
    ends = [timestamp for item in items if (timestamp := _timestamp(item.get("current_period_end")))]
    end = min(ends, default=None)
    cancel_at = _timestamp(body.get("cancel_at"))  # set by the customer portal
    pause = body.get("pause_collection")
    pause = pause if isinstance(pause, Mapping) and pause.get("behavior") == "void" else None
    resumes_at = _timestamp(pause.get("resumes_at")) if pause is not None else None
    return StripeSubscription(
        id=str(body["id"]),
        customer_id=reference(body.get("customer")) or "",
        user_id=_user_id(body),
        installation_id=_text(_metadata(body).get(_INSTALLATION_ID)),
        status=str(body["status"]),
        created_at=_timestamp(body.get("created")) or _timestamp(body.get("start_date")) or datetime.now(UTC),
        current_period_start=min(starts, default=None),
        current_period_end=end,
        cancel_at_period_end=body.get("cancel_at_period_end") is True
        or (cancel_at is not None and end is not None and cancel_at <= end),
        sells_pro=None if selling is None else bool(selling),
        pro_product=next((products[price] for price in selling or () if products.get(price)), None),
        products=frozenset(product for product in products.values() if product),
        is_voiding=pause is not None,
        # An invoice that is created when the pause ends is collected.
        voids_next=pause is not None and (resumes_at is None or end is None or resumes_at > end),
    )


def products_of(subscription: Json) -> dict[str, str | None]:
    """Map the prices of a subscription's items to their products; older versions say `plan`."""
    return _products(_price_of(item) for item in _items(subscription.get("items")))


def sold_by_invoice(invoice: Json) -> dict[str, str | None]:
    """Map the prices of an invoice's lines to their products."""
    return _products(_price_of(line) for line in _items(invoice.get("lines")))


def session_from(body: Json) -> CheckoutSession:
    """Parse a checkout session."""
    return CheckoutSession(
        id=str(body["id"]),
        url=_text(body.get("url")),
        state=_state(body.get("status")),
        customer_id=reference(body.get("customer")),
        subscription_id=reference(body.get("subscription")),
        user_id=_user_id(body),
        installation_id=_text(_metadata(body).get(_INSTALLATION_ID)),
        expires_at=_timestamp(body.get("expires_at")) or _created_at(body) + _SESSION_LIFETIME,
    )


def invoice_from(body: Json, *, sells_pro: bool | None = None) -> Invoice:
    """Parse an invoice."""
    return Invoice(
        id=str(body["id"]),
        sells_pro=sells_pro,
        subscription_id=subscription_of(body),
        installation_id=_text(_metadata(_subscription_details(body)).get(_INSTALLATION_ID)),
        number=_text(body.get("number")),
        status=_text(body.get("status")),
        amount_due=_integer(body.get("amount_due")),
        amount_paid=_integer(body.get("amount_paid")),
        currency=_text(body.get("currency")) or "",
        created_at=_created_at(body),
        hosted_invoice_url=_text(body.get("hosted_invoice_url")),
        invoice_pdf=_text(body.get("invoice_pdf")),
    )


def unpaid_since_times(invoices: Sequence[Json], subscription_id: str) -> list[datetime]:
    """Return when the subscription's open invoices among these were created."""
    return [
        _created_at(invoice)
        for invoice in invoices
        if invoice.get("status") == "open" and subscription_of(invoice) in {None, subscription_id}
    ]


def is_voided(invoices: Sequence[Json], subscription: StripeSubscription) -> bool:
    """Whether, by these invoices, the subscription's current period is voided and no part of it paid.

    A draft counts as voided: it is not collected while collection is paused.
    """
    start = subscription.current_period_start
    states = {
        invoice.get("status")
        for invoice in invoices
        if subscription_of(invoice) in {None, subscription.id}
        and invoice.get("billing_reason") in _PERIOD_REASONS
        and (start is None or _created_at(invoice) >= start)
    }
    return not states.isdisjoint(_NOT_COLLECTED) and states.isdisjoint(_COLLECTED)


def subscription_of(invoice: Json) -> str | None:
    """Return an invoice's subscription: below `parent` since 2025-03-31, a field of the invoice before."""
    return reference(_subscription_details(invoice).get("subscription")) or reference(
        invoice.get("subscription")
    )


def _subscription_details(invoice: Json) -> Json:
    parent = invoice.get("parent")
    holder = parent if isinstance(parent, Mapping) else invoice
    details = holder.get("subscription_details")
    return details if isinstance(details, Mapping) else {}


def has_more(page: Json) -> bool:
    """Whether more pages of a list follow."""
    return page.get("has_more") is True


def reference(value: object) -> str | None:
    """Return the id of a reference, which is an id or a whole object."""
    return _text(value.get("id")) if isinstance(value, Mapping) else _text(value)


def _products(prices: Iterable[Json]) -> dict[str, str | None]:
    return {str(price["id"]): reference(price.get("product")) for price in prices if "id" in price}


def _price_of(item: Json) -> Json:
    """Return the price of a subscription's item or an invoice's line, in the shape of any version."""
    pricing = item.get("pricing")
    details = pricing.get("price_details") if isinstance(pricing, Mapping) else None
    if isinstance(details, Mapping):
        return {"id": reference(details.get("price")) or "", "product": details.get("product")}
    price = item.get("price") or item.get("plan")
    return price if isinstance(price, Mapping) else {}


def _metadata(body: Json) -> Json:
    metadata = body.get("metadata")
    return metadata if isinstance(metadata, Mapping) else {}


def _user_id(body: Json) -> UUID | None:
    written = _metadata(body).get(_USER_ID)
    try:
        return UUID(written) if isinstance(written, str) else None
    except ValueError:
        return None


def _items(listed: object) -> list[Json]:
    data = listed.get("data") if isinstance(listed, Mapping) else None
    return [item for item in data if isinstance(item, Mapping)] if isinstance(data, list) else []


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _integer(value: object) -> int:
    return value if isinstance(value, int) else 0


def _timestamp(value: object) -> datetime | None:
    return datetime.fromtimestamp(value, UTC) if isinstance(value, int) else None


def _created_at(body: Json) -> datetime:
    return _timestamp(body.get("created")) or datetime.now(UTC)


def _state(value: object) -> CheckoutState:
    """Parse a session's status; an open session may have none."""
    return CheckoutState(value) if isinstance(value, str) else CheckoutState.OPEN
