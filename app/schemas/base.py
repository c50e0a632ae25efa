"""Common ground of requests and answers: strict bodies, trimmed names, UTC times with a `Z`."""

import unicodedata
from datetime import datetime
from typing import Annotated, Any, Final, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from app.kit.utc_text import utc_text


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
"""Text that PostgreSQL can hold. Constraints go in front of it: behind it they would see untrimmed text."""

ON_ONE_LINE: Final = AfterValidator(_on_one_line)
"""Text without line breaks and other control characters."""

Text = Annotated[str, STORABLE]
"""Any text that PostgreSQL can hold."""

MessageText = Annotated[Text, AfterValidator(_not_blank)]
"""Text that says something; stored as it came."""

Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    STORABLE,
    ON_ONE_LINE,
]
"""A name or title: trimmed, not empty after that, and on one line."""

Moment = Annotated[
    datetime,
    PlainSerializer(utc_text, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A time in RFC 3339, UTC."""

OPEN_ENUM: Final = "x-open-enum"
"""Stands in a field's schema in place of the list of values, which app.openapi puts there."""


def open_enum(name: str) -> WithJsonSchema:
    """Document a text as one of a list of known values, to which later versions may add."""
    return WithJsonSchema({"type": "string", OPEN_ENUM: name})


def _drop_defaults(schema: dict[str, Any]) -> None:
    """Leave defaults to descriptions: some generated clients send them, others require such fields."""
    for field in schema["properties"].values():
        field.pop("default", None)


class Request(BaseModel):
    """A request body; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_drop_defaults)


def _document_patch(schema: dict[str, Any]) -> None:
    _drop_defaults(schema)
    schema["minProperties"] = 1


class Patch(Request):
    """A request body that changes the fields it names. Fields that are absent stay as they are."""

    model_config = ConfigDict(json_schema_extra=_document_patch)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise PydanticCustomError("nothing_to_change", "must say what is to change")
        return self


class Response(BaseModel):
    """An answer, read off rows or plain data."""

    model_config = ConfigDict(from_attributes=True)
