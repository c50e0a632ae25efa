"""Recognises JSON bodies, and bounds their form before anything is built from them."""

import json
import re
from collections.abc import Iterator
from typing import Final

MAX_MEMBERS: Final = 100
"""So many members an object may have, and so many items an array."""
MAX_DEPTH: Final = 10
"""So many objects and arrays may stand within each other."""
_MAX_TOKENS: Final = 5_000  # brackets, commas and strings in all; no request has a hundred

_TOKEN: Final = re.compile(r'[{}\[\],"]')
# Never gives back what it has taken, and takes an unclosed string to the end: one pass, whatever comes.
_REST_OF_STRING: Final = re.compile(r'[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)

_TOO_DEEP: Final = {"code": "too_deep", "message": f"must not be nested deeper than {MAX_DEPTH}"}
_TOO_MANY: Final = {
    "code": "too_many_members",
    "message": f"must not have more than {MAX_MEMBERS} members in an object or items in an array",
}


def is_json(content_type: str) -> bool:
    """Whether a Content-Type says that the body is JSON."""
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type == "application/json" or media_type.endswith("+json")


def json_problem(body: bytes) -> dict[str, str] | None:
    """Return the code and message of why a JSON text is refused; None if it may be parsed.

    Takes time in proportion to the text. Its syntax is left to the parser.
    """
    try:
        text = body.decode(json.detect_encoding(body), "surrogatepass")
    except UnicodeDecodeError:
        return None  # the parser decodes it in the same way, and fails
    separators: list[int] = []  # of each object or array that is open
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
    """Brackets and commas outside strings; None in place of the rest, if there is too much of it."""
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
