"""The words of a search as patterns, and the scripts that put no blanks between words."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

# Scripts that put no blanks between words; the migration that makes the words has the same.
UNSPACED: Final = (
    r"\u0E01-\u0E3A\u0E40-\u0E4E\u0E80-\u0EFF\u1000-\u1049\u1050-\u109F\uA9E0-\uA9FF\uAA60-\uAA7F"
    r"\u1780-\u17D3\u3005-\u3007\u3041-\u309F\u30A1-\u30FA\u30FC-\u312F\u31A0-\u31BF\u31F0-\u31FF"
    r"\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7A3\uF900-\uFAFF\U00020000-\U000323AF"
)
_IS_UNSPACED: Final = re.compile(f"[{UNSPACED}]")
_NO_LETTER: Final = "[^[:alnum:]]"


def is_unspaced(word: str) -> bool:
    """Whether a word is of a script without blanks: a letter, or two that stand side by side."""
    return _IS_UNSPACED.match(word) is not None


def sought(words: Sequence[str]) -> list[str]:
    """Return the words as they are kept, without letters of unspaced scripts that are part of a pair."""
    pairs = {word for word in words if len(word) > 1 and is_unspaced(word)}
    in_pairs = set("".join(pairs))
    return [word for word in words if word not in in_pairs]


def first_hit_pattern(words: Sequence[str]) -> str:
    """Return a regular expression of PostgreSQL's that finds the first of these words, in any case.

    It captures nothing, so it takes time in proportion to the text.
    """
    alternatives = []
    for word in sought(words):
        forms = {_in_any_case(word), _in_any_case(unicodedata.normalize("NFD", word))}
        either = f"(?:{'|'.join(sorted(forms))})"
        alternatives.append(either if is_unspaced(word) else f"(?:^|{_NO_LETTER}){either}(?:$|{_NO_LETTER})")
    return "|".join(alternatives)


def _in_any_case(word: str) -> str:
    """Return a pattern for a word of letters, digits and marks."""
    pieces = []
    for sign in word:
        forms = {form for form in (sign, sign.lower(), sign.upper()) if len(form) == 1}
        forms |= {"\u03c2"} if sign == "\u03c3" else set()  # Greek's sigma at the end of words
        pieces.append(f"[{''.join(sorted(forms))}]" if len(forms) > 1 else re.escape(sign))
    return "".join(pieces)
