"""The one error body: RFC 9457 with the client's three members."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict

from app.schemas.base import open_enum


class FieldProblem(BaseModel):
    """What is wrong with one part of a request."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    pointer: str
    """A JSON pointer (RFC 6901) into the body, or `/query/…`, `/header/…`."""
    code: Annotated[str, open_enum("FieldProblemCode")]
    """A stable word for the kind of fault: `missing`, `extra_forbidden`, `string_too_long`, …"""
    message: str
    """A sentence for the user."""


class Problem(BaseModel):
    """The body of every failure of this API. Some codes add members."""

    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)

    type: str
    title: str
    """The status in words."""
    detail: str
    """A sentence for the user."""
    status: int
    status_code: int
    """The same as `status`."""
    timestamp: datetime
    code: Annotated[str, open_enum("ProblemCode")]
    """What happened, as a stable word for programs."""
    request_id: str
    """Names this request in the service's log."""
    errors: list[FieldProblem] | None = None
    """Of `validation_failed`: what is wrong with the request, at most 20 of it."""
    errors_omitted: int | None = None
    """How many more errors there are; absent when `errors` shows all."""
    attempts_left: int | None = None
    """Of `otp_invalid`: how many more tries this code has."""
    limit: int | None = None
    """Of `daily_limit_reached` and `chatroom_limit_reached`: how many are allowed."""
    used: int | None = None
    """Of `daily_limit_reached`: how many were used."""
    resets_at: datetime | None = None
    """Of `daily_limit_reached`: when there are new ones."""
    upgrade: str | None = None
    """Of `daily_limit_reached` and `chatroom_limit_reached` on Basic: the route that upgrades to Pro."""
