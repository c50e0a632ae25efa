"""Digits as users type and paste them: of any script, with separators and invisible signs among them."""

import re
import unicodedata
from typing import Final

# Unicode's Default_Ignorable_Code_Point, and the mark that puts a digit on a key. Most are found by their
# category, Cf.
_INVISIBLE: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u20e3\u2065\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# Beside dashes by category: hyphen bullet, modifier minus, minus, and the sound marks that Japanese keyboards
# write for a hyphen.
_HYPHENS: Final = frozenset("\u02d7\u2043\u207b\u208b\u2212\u30fc\uff70\u2796")


def ascii_digits(text: str) -> str:
    """Return the text with its decimal digits in ASCII and without invisible signs; takes time by length."""
    if text.isascii():
        return text
    return "".join(
        _folded(sign)
        for sign in _INVISIBLE.sub("", text)
        if unicodedata.category(sign) != "Cf"  # soft hyphen, zero width space, marks of direction
    )


def without_separators(text: str) -> str:
    """Return the text without white space and hyphens of any kind."""
    return "".join(sign for sign in text if not (sign.isspace() or is_hyphen(sign)))


def is_hyphen(sign: str) -> bool:
    """Whether the sign is a hyphen, a dash or a minus."""
    return sign in _HYPHENS or unicodedata.category(sign) == "Pd"


def _folded(sign: str) -> str:
    digit = unicodedata.decimal(sign, None)
    return sign if digit is None else str(digit)
