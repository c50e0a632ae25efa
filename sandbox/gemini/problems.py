"""Google's error envelope, and what a request that does not parse says in it."""

import json

from pydantic import JsonValue, ValidationError
from pydantic_core import ErrorDetails

Detail = dict[str, JsonValue]


class GoogleError(Exception):
    """A failure as Google answers it: an HTTP status, a status name, a sentence, details."""

    def __init__(self, code: int, status: str, message: str, details: list[Detail] | None = None) -> None:
        super().__init__(message)
        self.code, self.status, self.message, self.details = code, status, message, details

    def body(self) -> bytes:
        """Render the envelope as Google does: pretty-printed."""
        error: Detail = {"code": self.code, "message": self.message, "status": self.status}
        if self.details:
            error["details"] = list(self.details)
        return json.dumps({"error": error}, indent=2, ensure_ascii=False).encode() + b"\n"


class Page(GoogleError):
    """A page of HTML, as gateways in front of Gemini answer."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code, "", message)

    def body(self) -> bytes:
        """Render the page."""
        return f"<html><body><h1>{self.code} {self.message}</h1><hr>nginx</body></html>\n".encode()


def invalid_argument(message: str, *fields: tuple[str, str]) -> GoogleError:
    """Say what is wrong with the request; `fields` are pairs of a field's path and its description."""
    violations: list[JsonValue] = [
        {"field": field, "description": description} if field else {"description": description}
        for field, description in fields
    ]
    detail: Detail = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations}
    return GoogleError(400, "INVALID_ARGUMENT", message, [detail] if violations else None)


def unparsable(error: ValidationError) -> GoogleError:
    """Translate what pydantic found into Google's words."""
    found = error.errors(include_url=False, include_context=True, include_input=True)
    if found[0]["type"] == "json_invalid":
        return invalid_argument(f"Invalid JSON payload received. {found[0]['msg']}")
    fields = [_violation(each) for each in found]
    return invalid_argument("\n".join(description for _, description in fields), *fields)


def _violation(found: ErrorDetails) -> tuple[str, str]:
    if found["type"] == "extra_forbidden":
        parent, name = _path(found["loc"][:-1]), found["loc"][-1]
        place = f" at '{parent}'" if parent else ""
        return (
            parent,
            f'Invalid JSON payload received. Unknown name "{name}"{place}: Cannot find field.',
        )
    path = _path(found["loc"])
    given = json.dumps(found["input"], ensure_ascii=False, default=str)[:100]
    return path, f"Invalid value at '{path}': {found['msg']}, given {given}"


def _path(location: tuple[int | str, ...]) -> str:
    path = ""
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    return path
