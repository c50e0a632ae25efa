"""The forms in which search compares words; the functions of the database make the same ones.

`folded` is the first choice: without upper case, and without the marks that Arabic, Hebrew and Syriac texts
may leave out. `stripped` is the second choice: without accents, and with one letter for some that are often
written for each other.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final

from app.kit.normal_form import normalized

# Vowel points, cantillation and Koranic marks of Hebrew, Arabic and Syriac, and Arabic's tatweel. The
# migration that makes the words has the same, and the same accents and letters as below.
OPTIONAL_MARKS: Final = (
    r"\u0591-\u05BD\u05BF\u05C1-\u05C2\u05C4-\u05C5\u05C7\u0610-\u061A\u0640\u064B-\u065F\u0670\u06D6-\u06DC"
    r"\u06DF-\u06E8\u06EA-\u06ED\u0711\u0730-\u074A\u0897-\u089F\u08CA-\u08E1\u08E3-\u08FF\uFB1E"
)
# Of Latin, Greek and Cyrillic: in other scripts a mark makes another letter.
ACCENTS: Final = r"\u0300-\u036F\u0483-\u0487\u1AB0-\u1AFF\u1DC0-\u1DFF\uA66F\uA67C-\uA67D"

_SUBSCRIPT: Final = "\u0345"  # Greek's iota below a letter, which capital letters have beside it
_IOTA: Final = "\u03b9"

# Old forms of Cyrillic letters; their small forms are themselves.
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
_MOST_CACHED: Final = 8
"""Characters in a cluster that is kept; no text should fill the memory with its own."""


def folded(text: str) -> str:
    """Return the first form of a text: case folded, without optional marks, in compatibility form."""
    if text.isascii():
        return text.lower()
    small = _IS_OPTIONAL.sub("", _small(text)).translate(_FOLDED_LETTERS)
    small = small.replace("\u00df", "ss").replace("i\u0307", "i")
    if _SUBSCRIPT in (parts := unicodedata.normalize("NFD", small)):
        small = parts.replace(_SUBSCRIPT, _IOTA)
    return unicodedata.normalize("NFC", small)


def stripped(text: str) -> str:
    """Return the second form of a text: the first without accents."""
    return text.lower() if text.isascii() else _plain(folded(text))


def without_subscripts(text: str) -> str:
    """Return the second form of a text in which Greek's iota subscript is an accent, not a letter."""
    return text.lower() if text.isascii() else _plain(_small(text))


def forms(text: str) -> set[str]:
    """Return all forms of a text."""
    return {folded(text), stripped(text), without_subscripts(text)}


@lru_cache(maxsize=20_000)
def _kept_forms(cluster: str) -> tuple[str, str, str]:
    return folded(cluster), stripped(cluster), without_subscripts(cluster)


def forms_of_cluster(cluster: str) -> tuple[str, str, str]:
    """Return the three forms of a letter with its marks."""
    if len(cluster) > _MOST_CACHED:
        return folded(cluster), stripped(cluster), without_subscripts(cluster)
    return _kept_forms(cluster)


def _small(text: str) -> str:
    """Return a text in compatibility form and small letters; Greek's sigma is one letter."""
    small = normalized(text, "NFKC").lower()
    return small.replace("\u03c2", "\u03c3")


def _plain(small: str) -> str:
    """Return a text without accents. What is decomposed for it is composed again: Korean, Japanese, Hindi."""
    bare = _IS_ACCENT.sub("", unicodedata.normalize("NFD", small))
    return unicodedata.normalize("NFC", bare).translate(_PLAIN_LETTERS)
