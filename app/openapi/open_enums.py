"""Open enums in the OpenAPI document, made from the catalogues in the code.

An open enum is a string whose description and `x-extensible-enum` name the values. All generators make a
string of it. Other forms fail at a value that a later version adds: of `anyOf` with constants,
openapi-python-client accepts the first one only; of `anyOf` with an enum, openapi-generator makes an enum.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from app.errors import FIELD_CODES
from app.gemini_client import FinishReason
from app.models import MessageStatus
from app.models.sign_in import SignInMethod
from app.schemas.base import OPEN_ENUM
from app.schemas.meta import CheckStatus, HealthStatus
from app.services.generation.outcomes import ERROR_CODES

Json = dict[str, Any]

_SCHEMAS: Final = "#/components/schemas/"
_VALUES: Final[Mapping[str, tuple[str, Iterable[str]]]] = {
    "ProblemCode": ("The stable code of an error.", ()),  # those of the document
    "FieldProblemCode": ("The stable code of an error in one part of a request.", FIELD_CODES),
    "ReplyErrorCode": ("Why a reply failed or was blocked.", ERROR_CODES),
    "MessageStatus": (MessageStatus.__doc__ or "", MessageStatus),
    "FinishReason": ("Why the model ended its reply.", FinishReason),
    "SubscriptionStatus": (
        "Stripe's status of a subscription.",
        (
            "active",
            "canceled",
            "incomplete",
            "incomplete_expired",
            "past_due",
            "paused",
            "trialing",
            "unpaid",
        ),
    ),
    "InvoiceStatus": (
        "Stripe's status of an invoice.",
        ("draft", "open", "paid", "uncollectible", "void"),
    ),
    "SignInMethod": ("How a session was opened.", SignInMethod),
    "CheckStatus": (" ".join((CheckStatus.__doc__ or "").split()), CheckStatus),
    "HealthStatus": (" ".join((HealthStatus.__doc__ or "").split()), HealthStatus),
}


def fill_in_open_enums(document: Json, codes: Sequence[str]) -> None:
    """Replace each marker of `open_enum` by a reference to a schema with the known values.

    `codes` are those of the errors in this document.
    """
    schemas = document["components"]["schemas"]
    used = {_replace(field) for field in _fields(document) if OPEN_ENUM in field}
    for name in used:
        description, values = _VALUES[name]
        known = [str(value) for value in values or codes]
        listed = ", ".join(f"`{value}`" for value in known)
        schemas[name] = {
            "description": f"{description} One of {listed}; later versions may add values.",
            "type": "string",
            "x-extensible-enum": known,
        }


def _replace(field: Json) -> str:
    name: str = field.pop(OPEN_ENUM)
    del field["type"]
    field["$ref"] = _SCHEMAS + name
    return name


def _fields(node: object) -> Iterator[Json]:
    """Yield every object in a JSON document."""
    if isinstance(node, dict):
        yield node
        for value in list(node.values()):
            yield from _fields(value)
    elif isinstance(node, list):
        for value in node:
            yield from _fields(value)
