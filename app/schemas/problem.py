"""The error body: RFC 9457 with three members of the client's contract."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict

from app.schemas.base import open_enum


class FieldProblem(BaseModel):
    """An error in one part of a request."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    pointer: str
    """A JSON pointer (RFC 6901) into the body, or `/query/…`, `/header/…`."""
    code: Annotated[str, open_enum("FieldProblemCode")]
    """A stable code of the error: `missing`, `extra_forbidden`, `string_too_long`, …"""
    message: str
    """A sentence for the user."""


class Problem(BaseModel):
    """The body of every error response. Some codes add members."""

    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)

    type: str
    title: str
    """The text of the status."""
    detail: str
    """A sentence for the user."""
    status: int
    status_code: int
    """The same as `status`."""
    timestamp: datetime
    code: Annotated[str, open_enum("ProblemCode")]
    """A stable code of the error, for programs."""
    request_id: str
    """The id of this request in the service's log."""
    errors: list[FieldProblem] | None = None
    """Of `validation_failed`: the errors in the request, at most 20."""
    errors_omitted: int | None = None
    """The number of further errors; absent if `errors` shows all."""
    attempts_left: int | None = None
    """Of `otp_invalid`: the remaining attempts."""
    limit: int | None = None
    """Of `daily_limit_reached` and `chatroom_limit_reached`: the limit."""
    used: int | None = None
    """Of `daily_limit_reached`: the messages used today."""
    resets_at: datetime | None = None
    """Of `daily_limit_reached`: the time of the next reset."""
    upgrade: str | None = None
    """Of `daily_limit_reached` and `chatroom_limit_reached` on Basic: the path that upgrades to Pro."""
