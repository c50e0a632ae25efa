"""The forms in which search compares words; functions of the database produce the same ones.

`folded` ignores case and the optional marks of Arabic, Hebrew and Syriac. `stripped`, used when no message
matches the folded form, also ignores accents, and unifies letters that are often interchanged.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final

from app.kit.normal_form import normalized

# Vowel points, cantillation and Koranic marks of Hebrew, Arabic and Syriac, and Arabic's tatweel. The
# migration that creates the functions has the same marks, accents and letters.
OPTIONAL_MARKS: Final = (
    r"\u0591-\u05BD\u05BF\u05C1-\u05C2\u05C4-\u05C5\u05C7\u0610-\u061A\u0640\u064B-\u065F\u0670\u06D6-\u06DC"
    r"\u06DF-\u06E8\u06EA-\u06ED\u0711\u0730-\u074A\u0897-\u089F\u08CA-\u08E1\u08E3-\u08FF\uFB1E"
)
# Of Latin, Greek and Cyrillic: in other scripts, a mark makes a different letter.
ACCENTS: Final = r"\u0300-\u036F\u0483-\u0487\u1AB0-\u1AFF\u1DC0-\u1DFF\uA66F\uA67C-\uA67D"

_SUBSCRIPT: Final = "\u0345"  # Greek's iota below a letter; beside capital letters
_IOTA: Final = "\u03b9"

# Old forms of Cyrillic letters, which lower() does not change.
_FOLDED_LETTERS: Final = str.maketrans(
    "\u1c80\u1c81\u1c82\u1c83\u1c84\u1c85\u1c86\u1c87\u1c88",
    "\u0432\u0434\u043e\u0441\u0442\u0442\u044a\u0463\ua64b",
)
# Letters with a stroke, Turkish dotless i, Cyrillic ghe with upturn; Arabic's alef wasla, alef maksura, teh
# marbuta, Farsi yeh and keheh. Alef, waw and yeh with hamza lose it as an accent.
_PLAIN_LETTERS: Final = str.maketrans(
    "\u0131\u00f8\u0142\u0111\u00f0\u0127\u0167\u0491\u0671\u0649\u0629\u06cc\u06a9",
    "iolddht\u0433\u0627\u064a\u0647\u064a\u0643",
) | {0xDF: "ss", 0xE6: "ae", 0x153: "oe", 0xFE: "th"}

_IS_OPTIONAL: Final = re.compile(f"[{OPTIONAL_MARKS}]+")
_IS_ACCENT: Final = re.compile(f"[{OPTIONAL_MARKS}{ACCENTS}]+")
_MAX_CACHED_LENGTH: Final = 8
"""Maximum length of a cached cluster, so that hostile texts do not fill the memory."""


def folded(text: str) -> str:
    """Return the folded form of a text: case folded, without optional marks, in compatibility form."""
    if text.isascii():
        return text.lower()
    small = _IS_OPTIONAL.sub("", _small(text)).translate(_FOLDED_LETTERS)
    small = small.replace("\u00df", "ss").replace("i\u0307", "i")
    if _SUBSCRIPT in (parts := unicodedata.normalize("NFD", small)):
        small = parts.replace(_SUBSCRIPT, _IOTA)
    return unicodedata.normalize("NFC", small)


def stripped(text: str) -> str:
    """Return the stripped form of a text: the folded form without accents."""
    return text.lower() if text.isascii() else _plain(folded(text))


def without_subscripts(text: str) -> str:
    """Return the stripped form of a text, with Greek's iota subscript as an accent instead of a letter."""
    return text.lower() if text.isascii() else _plain(_small(text))


def forms(text: str) -> set[str]:
    """Return all forms of a text."""
    return {folded(text), stripped(text), without_subscripts(text)}


@lru_cache(maxsize=20_000)
def _cached_forms(cluster: str) -> tuple[str, str, str]:
    return folded(cluster), stripped(cluster), without_subscripts(cluster)


def forms_of_cluster(cluster: str) -> tuple[str, str, str]:
    """Return the three forms of a cluster, which is a letter with its marks."""
    if len(cluster) > _MAX_CACHED_LENGTH:
        return folded(cluster), stripped(cluster), without_subscripts(cluster)
    return _cached_forms(cluster)


def _small(text: str) -> str:
    """Return a text in compatibility form and lower case, with final sigma as sigma."""
    small = normalized(text, "NFKC").lower()
    return small.replace("\u03c2", "\u03c3")


def _plain(small: str) -> str:
    """Return a text without accents. Korean, Japanese and Hindi letters are composed again."""
    bare = _IS_ACCENT.sub("", unicodedata.normalize("NFD", small))
    return unicodedata.normalize("NFC", bare).translate(_PLAIN_LETTERS)
