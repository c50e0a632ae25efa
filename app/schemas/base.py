"""Base of request and response schemas: strict bodies, trimmed names, UTC times with a `Z`."""

import unicodedata
from datetime import datetime
from typing import Annotated, Any, Final, Protocol, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError, to_json


def _storable(text: str) -> str:
    if "\x00" in text:
        raise PydanticCustomError("nul_character", "must not contain NUL characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise PydanticCustomError("unpaired_surrogate", "must not contain unpaired surrogates") from None
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise PydanticCustomError("blank", "must not be only white space")
    return text


def _on_one_line(text: str) -> str:
    if any(unicodedata.category(sign) == "Cc" for sign in text):
        raise PydanticCustomError(
            "control_character", "must not contain line breaks or other control characters"
        )
    return text


STORABLE: Final = AfterValidator(_storable)
"""Text that PostgreSQL can store. Place it after constraints: those after it would see untrimmed text."""

ON_ONE_LINE: Final = AfterValidator(_on_one_line)
"""Text without line breaks and other control characters."""

Text = Annotated[str, STORABLE]
"""Any text that PostgreSQL can store."""

MessageText = Annotated[Text, AfterValidator(_not_blank)]
"""Text that is not only white space; stored unchanged."""

Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    STORABLE,
    ON_ONE_LINE,
]
"""A name or title: trimmed, not empty, on one line."""

Moment = Annotated[datetime, WithJsonSchema({"type": "string", "format": "date-time"})]
"""A time in UTC, as the database and the clock return it; pydantic writes it in RFC 3339 with a `Z`."""

OPEN_ENUM: Final = "x-open-enum"
"""Marks a field's schema, in which app.openapi then inserts the list of values."""


def open_enum(name: str) -> WithJsonSchema:
    """Document a text as one of a list of values that later versions may extend."""
    return WithJsonSchema({"type": "string", OPEN_ENUM: name})


def _drop_defaults(schema: dict[str, Any]) -> None:
    """Remove defaults: some generated clients send them, others require the fields that have them."""
    for field in schema["properties"].values():
        field.pop("default", None)


class Request(BaseModel):
    """A request body; unknown fields are rejected."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_drop_defaults)


def _document_patch(schema: dict[str, Any]) -> None:
    _drop_defaults(schema)
    schema["minProperties"] = 1


class Patch(Request):
    """A request body that changes the fields it contains. Absent fields stay unchanged."""

    model_config = ConfigDict(json_schema_extra=_document_patch)

    @model_validator(mode="after")
    def _require_change(self) -> Self:
        if not self.model_fields_set:
            raise PydanticCustomError("nothing_to_change", "must contain at least one field")
        return self


class Row(Protocol):
    """A row of the database: its values by column name."""

    def __getitem__(self, column: str) -> Any: ...  # noqa: ANN401  # the statement decides its types


def write_json(fields: dict[str, object]) -> bytes:
    """Write trusted fields of a response, in the order of its schema, as pydantic would, unvalidated."""
    return to_json(fields)


class Response(BaseModel):
    """A response, built from rows or plain data."""

    model_config = ConfigDict(from_attributes=True)
