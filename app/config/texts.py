"""Settings as text: what is trimmed from a value, and which texts can go into a header."""

import re
from typing import Final

# `str.strip` leaves the invisible characters that come along when a value is copied from a page or a file.
_BLANK: Final = r"[\s\ufeff\u200b\u200c\u200d\u2060]+"
_OUTER_BLANK: Final = re.compile(rf"^{_BLANK}|{_BLANK}$")
_PRINTABLE: Final = re.compile(r"[!-~]*")
_QUOTATION_MARKS: Final = ('"', "'")
_SHORTEST_QUOTED: Final = 2


def trimmed(text: str) -> str:
    """Remove white space and invisible characters around a text."""
    return _OUTER_BLANK.sub("", text)


def split_list(text: str) -> tuple[str, ...]:
    """Split a comma separated list into trimmed items; empty ones are left out."""
    return tuple(item for item in map(trimmed, text.split(",")) if item)


def require_readable(text: str) -> str:
    """Refuse a value that a shell would have unquoted, and bytes that are not UTF-8.

    Raises:
        ValueError: saying what is wrong, without the value.
    """
    if len(text) >= _SHORTEST_QUOTED and text[0] == text[-1] and text[0] in _QUOTATION_MARKS:
        raise ValueError("stands in quotation marks, which are taken as part of it here: leave them out")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("is not UTF-8 text") from None
    return text


def require_printable(text: str) -> str:
    """Refuse what cannot be sent as an HTTP header.

    Raises:
        ValueError: saying what is wrong, without the value.
    """
    if not _PRINTABLE.fullmatch(text):
        raise ValueError("holds a line break, a blank or a character that is not ASCII")
    return text
