"""Stripe's objects in our own words; they come as plain JSON, since the SDK's are no mappings."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from app.stripe_client.base import CheckoutSession, CheckoutState, Invoice, StripeSubscription

_USER_ID, _INSTALLATION_ID = "user_id", "installation_id"

Json = Mapping[str, object]

_SESSIONS_LAST = timedelta(hours=24)


def own_metadata(user_id: UUID, installation_id: UUID) -> dict[str, str]:
    """Return the metadata of everything that we create: who it is for, and which installation made it."""
    return {_USER_ID: str(user_id), _INSTALLATION_ID: str(installation_id)}


def subscription_from(body: Json) -> StripeSubscription:
    """A subscription. The period is on its items; before 2025-03-31 it was on the subscription."""
    items = [item for item in _items(body.get("items")) if "current_period_end" in item] or [body]
    starts = [moment for item in items if (moment := _moment(item.get("current_period_start")))]
    ends = [moment for item in items if (moment := _moment(item.get("current_period_end")))]
    end = min(ends, default=None)
    cancel_at = _moment(body.get("cancel_at"))  # how the customer portal says it
    return StripeSubscription(
        id=str(body["id"]),
        customer_id=reference(body.get("customer")) or "",
        user_id=_user_id(body),
        installation_id=_text(_metadata(body).get(_INSTALLATION_ID)),
        status=str(body["status"]),
        created_at=_moment(body.get("created")) or _moment(body.get("start_date")) or datetime.now(UTC),
        current_period_start=min(starts, default=None),
        current_period_end=end,
        cancel_at_period_end=body.get("cancel_at_period_end") is True
        or (cancel_at is not None and end is not None and cancel_at <= end),
    )


def products_of(subscription: Json) -> dict[str, str | None]:
    """Return the prices of a subscription's items with their products; older versions say `plan`."""
    priced = [item.get("price") or item.get("plan") for item in _items(subscription.get("items"))]
    return {
        str(price["id"]): reference(price.get("product"))
        for price in priced
        if isinstance(price, Mapping) and "id" in price
    }


def session_from(body: Json) -> CheckoutSession:
    """A checkout session."""
    return CheckoutSession(
        id=str(body["id"]),
        url=_text(body.get("url")),
        state=_state(body.get("status")),
        customer_id=reference(body.get("customer")),
        subscription_id=reference(body.get("subscription")),
        user_id=_user_id(body),
        expires_at=_moment(body.get("expires_at")) or _began(body) + _SESSIONS_LAST,
    )


def invoice_from(body: Json) -> Invoice:
    """A bill."""
    return Invoice(
        id=str(body["id"]),
        number=_text(body.get("number")),
        status=_text(body.get("status")),
        amount_due=_whole(body.get("amount_due")),
        amount_paid=_whole(body.get("amount_paid")),
        currency=_text(body.get("currency")) or "",
        created_at=_began(body),
        hosted_invoice_url=_text(body.get("hosted_invoice_url")),
        invoice_pdf=_text(body.get("invoice_pdf")),
    )


def unpaid_moments(invoices: Sequence[Json], subscription_id: str) -> list[datetime]:
    """When the open ones among these bills of a subscription were made, whatever else is listed."""
    return [
        _began(invoice)
        for invoice in invoices
        if invoice.get("status") == "open" and subscription_of(invoice) in {None, subscription_id}
    ]


def subscription_of(invoice: Json) -> str | None:
    """What a bill is for. Since 2025-03-31 it is below `parent`; before, it was a field of the invoice."""
    parent = invoice.get("parent")
    details = parent.get("subscription_details") if isinstance(parent, Mapping) else None
    found = reference(details.get("subscription")) if isinstance(details, Mapping) else None
    return found or reference(invoice.get("subscription"))


def has_more(page: Json) -> bool:
    """Whether a list goes on."""
    return page.get("has_more") is True


def reference(value: object) -> str | None:
    """The id of what is referred to by its id, or by the whole object."""
    return _text(value.get("id")) if isinstance(value, Mapping) else _text(value)


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


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _moment(value: object) -> datetime | None:
    return datetime.fromtimestamp(value, UTC) if isinstance(value, int) else None


def _began(body: Json) -> datetime:
    return _moment(body.get("created")) or datetime.now(UTC)


def _state(value: object) -> CheckoutState:
    """An open one may come without it."""
    return CheckoutState(value) if isinstance(value, str) else CheckoutState.OPEN
