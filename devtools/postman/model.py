"""Requests and folders of the collection, and what their answers must hold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Assertion:
    """A chain of Chai that is put behind `pm.expect(…).`."""

    chain: str


Checks = Mapping[str, Mapping[str, object]]
"""Sentence → {part of the answer: its value, or an assertion}.

The parts: "" is the body, `reply.usage` a part of it (any JavaScript that may follow `body.`), `Location` a
header, and `text()` the body as text. `{{name}}` in a value is that variable.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request with the checks of its answer, and the parts of it that are kept in variables."""

    name: str
    operation: str  # an operation id of the OpenAPI document, or "METHOD /path" of another address
    status: int
    code: str = ""  # of the error, when it is refused
    statuses: str = ""  # JavaScript: the list of statuses allowed in place of `status`
    text: str = ""  # default: the description of the operation
    path: Mapping[str, str] = field(default_factory=dict)  # default of each: the variable of that name
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: object = None  # JSON, or a string that is sent as it is
    media_type: str = "application/json"
    bearer: str | None = None  # "": none; default: that of the folder where the operation needs one
    before: str = ""  # JavaScript that runs before it is sent
    checks: Checks = field(default_factory=dict)
    keep: Mapping[str, str] = field(default_factory=dict)  # variable → part of the answer, as in `Checks`
    saved: Mapping[str, object] = field(default_factory=dict)  # members that the saved answer has besides


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder: its text, its requests, and the token that they send unless they name another."""

    name: str
    text: str
    items: tuple[Request | Folder, ...]
    bearer: str = ""


def refusal(
    name: str,
    operation: str,
    status: int,
    code: str,
    *,
    at: str | None = None,
    body: object = None,
    path: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    media_type: str = "application/json",
    bearer: str | None = None,
    before: str = "",
    text: str = "",
    checks: Checks | None = None,
) -> Request:
    """Return a request that must be refused with this code; `at` is the pointer of its first error."""
    pointer: Checks = {} if at is None else {f"points at {at or 'the whole body'}": {"errors[0].pointer": at}}
    return Request(
        name=f"{name}: {status}",
        operation=operation,
        status=status,
        code=code,
        text=text,
        body=body,
        path=path or {},
        query=query or {},
        headers=headers or {},
        media_type=media_type,
        bearer=bearer,
        before=before,
        checks={**pointer, **(checks or {})},
    )


SOME_TEXT: Final = Assertion('to.be.a("string").and.not.empty')
A_TIME: Final = Assertion("to.match(/^[0-9-]{10}T[0-9:.]+Z$/)")
MIDNIGHT: Final = Assertion("to.match(/T00:00:00Z$/)")
NOTHING: Final = Assertion("to.be.oneOf([null, undefined])")
"""What a header that was not sent is, and a member that is not there."""


def matches(pattern: str) -> Assertion:
    """Assert that a text matches this regular expression of JavaScript."""
    return Assertion(f"to.match(/{pattern.replace('/', chr(92) + '/')}/)")


def above(number: int) -> Assertion:
    """Assert that a number is greater than this one."""
    return Assertion(f"to.be.above({number})")


def differs_from(value: object) -> Assertion:
    """Assert that something is not this value."""
    return Assertion(f"to.not.eql({javascript(value)})")


def has(value: object) -> Assertion:
    """Assert that a text or a list contains this."""
    return Assertion(f"to.include({javascript(value)})")


def count(number: int) -> Assertion:
    """Assert the length of a list."""
    return Assertion(f"to.have.lengthOf({number})")


def one_of(*values: object) -> Assertion:
    """Assert that something is one of these values."""
    return Assertion(f"to.be.oneOf([{', '.join(map(javascript, values))}])")


def javascript(value: object) -> str:
    """Write a value in JavaScript; `{{name}}` in a text is the variable of that name."""
    if isinstance(value, str) and "{{" in value:
        parts = value.replace("}}", "{{").split("{{")
        names = [f"${{pm.collectionVariables.get({json.dumps(name)})}}" for name in parts[1::2]]
        if not any(parts[::2]) and len(names) == 1:
            return names[0][2:-1]
        texts = parts[::2]
        return "`" + "".join(text + name for text, name in zip(texts, [*names, ""], strict=True)) + "`"
    return json.dumps(value, ensure_ascii=False)
