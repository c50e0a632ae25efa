"""Parses events: which objects to fetch, not their state.

An event has the API version of the webhook endpoint, not of the SDK, so old and new shapes are parsed.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, ValidationError

from app.stripe_client.parsing import reference, subscription_of

_WORD = r"[A-Za-z0-9_.\-]{1,255}"
_LATEST_TIME = 253_402_300_799  # the last second of the year 9999

_Word = Annotated[str, StringConstraints(pattern=f"^{_WORD}$")]
_Json = dict[str, JsonValue]


class EventUnreadableError(Exception):
    """The body is not a JSON object, or a malformed event."""


class UnknownShape(StrEnum):
    """Kinds of JSON objects that are not parsed as events."""

    V2 = "v2_event"
    """An event of API v2, such as a thin one."""
    OTHER = "unknown_shape"


@dataclass(frozen=True, slots=True)
class StripeEventRef:
    """An event's id and type, and the ids of the objects it is about."""

    id: str
    type: str
    livemode: bool | None
    """None if the event does not state it."""
    api_version: str | None
    created_at: datetime | None
    subscription_id: str | None
    customer_id: str | None
    checkout_session_id: str | None
    unknown_shape: UnknownShape | None = None
    """Set if only the id and the type were parsed."""

    @property
    def is_relevant(self) -> bool:
        """Whether events of its type can change a user's plan."""
        if self.unknown_shape is not None:
            return False
        return self.type == _CUSTOMER_DELETED or self.type.startswith(_RELEVANT)


_CUSTOMER_DELETED = "customer.deleted"
_OF_V2 = "v2."
_SUBSCRIPTION, _INVOICE, _CHECKOUT = "customer.subscription.", "invoice.", "checkout.session."
_RELEVANT = (_SUBSCRIPTION, _INVOICE, _CHECKOUT)


class _Data(BaseModel):
    model_config = ConfigDict(strict=True)

    object: _Json


class _Event(BaseModel):
    model_config = ConfigDict(strict=True)

    id: _Word
    type: _Word
    livemode: bool | None = None
    api_version: _Word | None = None
    created: Annotated[int, Field(ge=0, le=_LATEST_TIME)] | None = None
    data: _Data


class _JsonObject(BaseModel):
    """Any JSON object."""

    model_config = ConfigDict(strict=True)

    object: JsonValue = None
    id: JsonValue = None
    type: JsonValue = None
    livemode: JsonValue = None


def is_id(text: str) -> bool:
    """Whether the text has the form of an id of Stripe's; others are never sent to Stripe."""
    return re.fullmatch(_WORD, text) is not None


def read_event(body: bytes) -> StripeEventRef:
    """Parse a webhook's body; the id is empty if an unknown shape has none that can be stored.

    Raises:
        EventUnreadableError: not a JSON object, or a malformed event.
    """
    try:
        other = _JsonObject.model_validate_json(body)
    except ValidationError as error:
        raise EventUnreadableError from error
    if isinstance(other.object, str) and other.object.startswith(_OF_V2):
        return _of_unknown_shape(other, UnknownShape.V2)
    try:
        event = _Event.model_validate_json(body)
    except ValidationError as error:
        if other.object == "event":
            raise EventUnreadableError from error
        return _of_unknown_shape(other, UnknownShape.OTHER)
    about = event.data.object
    subscription, customer, session = None, _id(about.get("customer")), None
    if event.type.startswith(_SUBSCRIPTION):
        subscription = _id(about)
    elif event.type.startswith(_INVOICE):
        subscription = _id(subscription_of(about))
    elif event.type.startswith(_CHECKOUT):
        subscription, session = _id(about.get("subscription")), _id(about)
    elif event.type == _CUSTOMER_DELETED:
        customer = _id(about)
    return StripeEventRef(
        id=event.id,
        type=event.type,
        livemode=event.livemode,
        api_version=event.api_version,
        created_at=None if event.created is None else datetime.fromtimestamp(event.created, UTC),
        subscription_id=subscription,
        customer_id=customer,
        checkout_session_id=session,
    )


def _of_unknown_shape(other: _JsonObject, shape: UnknownShape) -> StripeEventRef:
    is_known_type = isinstance(other.type, str) and is_id(other.type)
    return StripeEventRef(
        id=_id(other.id) or "",
        type=str(other.type) if is_known_type else "unknown",
        livemode=other.livemode if isinstance(other.livemode, bool) else None,
        api_version=None,
        created_at=None,
        subscription_id=None,
        customer_id=None,
        checkout_session_id=None,
        unknown_shape=shape,
    )


def _id(value: object) -> str | None:
    """Return the id of a reference, if it has the form of one."""
    found = reference(value)
    return found if found is not None and is_id(found) else None
