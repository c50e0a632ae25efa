"""Limits on the structure of JSON bodies, checked before they are parsed."""

import json
import re
from collections.abc import Iterator
from typing import Final

MAX_MEMBERS: Final = 100
"""Maximum number of members of an object, and of items of an array."""
MAX_DEPTH: Final = 10
"""Maximum nesting depth of objects and arrays."""
_MAX_TOKENS: Final = 5_000  # brackets, commas and strings; a valid request has fewer than a hundred

_TOKEN: Final = re.compile(r'[{}\[\],"]')
# Possessive, without backtracking, and an unclosed string runs to the end: a single pass for any input.
_REST_OF_STRING: Final = re.compile(r'[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)

_TOO_DEEP: Final = {"code": "too_deep", "message": f"must not be nested deeper than {MAX_DEPTH}"}
_TOO_MANY: Final = {
    "code": "too_many_members",
    "message": f"must not have more than {MAX_MEMBERS} members in an object or items in an array",
}


def is_json(content_type: str) -> bool:
    """Whether a Content-Type is a JSON media type."""
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type == "application/json" or media_type.endswith("+json")


def json_problem(body: bytes) -> dict[str, str] | None:
    """Return the code and message for which a JSON text is rejected; None if it may be parsed.

    Takes time proportional to the text. Syntax is left to the parser.
    """
    try:
        text = body.decode(json.detect_encoding(body), "surrogatepass")
    except UnicodeDecodeError:
        return None  # the parser fails to decode it, too
    separators: list[int] = []  # per open object or array
    for sign in _structure(text):
        if sign is None:
            return _TOO_MANY
        if sign in "{[":
            separators.append(0)
            if len(separators) > MAX_DEPTH:
                return _TOO_DEEP
        elif separators and sign == ",":
            separators[-1] += 1
            if separators[-1] >= MAX_MEMBERS:
                return _TOO_MANY
        elif separators:
            separators.pop()
    return None


def _structure(text: str) -> Iterator[str | None]:
    """Yield the brackets and commas outside strings; None instead of the rest beyond the limit."""
    at = 0
    for _ in range(_MAX_TOKENS):
        token = _TOKEN.search(text, at)
        if token is None:
            return
        at = token.end()
        if token.group() != '"':
            yield token.group()
        elif string := _REST_OF_STRING.match(text, at):
            at = string.end()
    yield None
