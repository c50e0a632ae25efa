"""Content negotiation by language: `Accept-Language` (RFC 9110) with the lookup of RFC 4647."""

import re
from collections.abc import Sequence
from typing import Final

# Browsers send up to a hundred characters. What is behind these is ignored, so a header costs microseconds.
_MAX_CHARS: Final = 300
_RANGE: Final = re.compile(
    r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)\s*(?:;\s*[qQ]=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?"
)


def preferred_locale(header: str | None, offered: Sequence[str]) -> str | None:
    """Return the offered locale that the header prefers; None if it names none of them.

    A range also matches what is left of it when it is cut from the right: `de-AT` matches `de`.
    """
    found = {locale.lower(): locale for locale in reversed(offered)}
    ranges = [
        (float(form[2] or 1), form[1].lower())
        for item in (header or "")[:_MAX_CHARS].split(",")
        if (form := _RANGE.fullmatch(item))
    ]
    for quality, language in sorted(ranges, key=lambda each: -each[0]):  # stable: the first of equals wins
        tag = language if quality > 0 else ""
        while tag:
            if tag in found:
                return found[tag]
            tag = tag.rpartition("-")[0]
    return None
