"""Typed and pasted digits: of any script, with separators and invisible characters."""

import re
import unicodedata
from typing import Final

# Unicode's Default_Ignorable_Code_Point and the combining keycap; the rest has the category Cf.
_INVISIBLE: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u20e3\u2065\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# In addition to the category of dashes: hyphen bullet, modifier minus, minus, and the sound marks that
# Japanese keyboards produce for a hyphen.
_HYPHENS: Final = frozenset("\u02d7\u2043\u207b\u208b\u2212\u30fc\uff70\u2796")


def ascii_digits(text: str) -> str:
    """Return the text with its decimal digits in ASCII, without invisible characters, in linear time."""
    if text.isascii():
        return text
    return "".join(
        _folded(character)
        for character in _INVISIBLE.sub("", text)
        if unicodedata.category(character) != "Cf"  # soft hyphen, zero width space, marks of direction
    )


def without_separators(text: str) -> str:
    """Return the text without white space and hyphens."""
    return "".join(character for character in text if not (character.isspace() or is_hyphen(character)))


def is_hyphen(character: str) -> bool:
    """Tell whether the character is a hyphen, a dash or a minus."""
    return character in _HYPHENS or unicodedata.category(character) == "Pd"


def _folded(character: str) -> str:
    digit = unicodedata.decimal(character, None)
    return character if digit is None else str(digit)
