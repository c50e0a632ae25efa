"""The one error body: RFC 9457 with the client's three members."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict


class FieldProblem(BaseModel):
    """What is wrong with one part of a request."""

    pointer: str
    """A JSON pointer (RFC 6901) into the body, or `/query/…`, `/header/…`."""
    code: str
    """A stable word for the kind of fault: `missing`, `extra_forbidden`, `string_too_long`, …"""
    message: str


class Problem(BaseModel):
    """Every failure of this API. Some codes add members, such as `attempts_left`."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    detail: str
    status: int
    status_code: int
    timestamp: datetime
    code: str
    request_id: str
    errors: list[FieldProblem] | None = None
    """Of a request that is not valid: what is wrong with it, at most 20."""
    errors_omitted: int | None = None
    """How many more there are; absent when `errors` shows all."""
