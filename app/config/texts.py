"""Settings as text: trimming, splitting, and checks of characters."""

import re
from typing import Final

# `str.strip` keeps the invisible characters of a value that was copied from a page or a file.
_BLANK: Final = r"[\s\ufeff\u200b\u200c\u200d\u2060]+"
_OUTER_BLANK: Final = re.compile(rf"^{_BLANK}|{_BLANK}$")
_PRINTABLE: Final = re.compile(r"[!-~]*")
_QUOTATION_MARKS: Final = ('"', "'")
_MIN_QUOTED_LENGTH: Final = 2


def trimmed(text: str) -> str:
    """Remove white space and invisible characters at both ends of a text."""
    return _OUTER_BLANK.sub("", text)


def split_list(text: str) -> tuple[str, ...]:
    """Split a comma-separated list into trimmed items, without empty ones."""
    return tuple(item for item in map(trimmed, text.split(",")) if item)


def require_readable(text: str) -> str:
    """Reject a value in quotation marks, and bytes that are not UTF-8.

    Raises:
        ValueError: saying what is wrong, without the value.
    """
    if len(text) >= _MIN_QUOTED_LENGTH and text[0] == text[-1] and text[0] in _QUOTATION_MARKS:
        raise ValueError("is in quotation marks, which would become part of the value: remove them")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("is not UTF-8 text") from None
    return text


def require_printable(text: str) -> str:
    """Reject a text that cannot be sent in an HTTP header.

    Raises:
        ValueError: saying what is wrong, without the value.
    """
    if not _PRINTABLE.fullmatch(text):
        raise ValueError("contains a line break, a blank or a character that is not ASCII")
    return text
