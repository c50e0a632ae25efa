"""Search terms as regular expressions, and the scripts without spaces between words."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

from app.repositories.search_forms import ACCENTS, OPTIONAL_MARKS, forms

# Scripts without spaces between words; the migration that creates the functions has the same.
UNSPACED: Final = (
    r"\u0E01-\u0E3A\u0E40-\u0E4E\u0E80-\u0EFF\u1000-\u1049\u1050-\u109F\uA9E0-\uA9FF\uAA60-\uAA7F"
    r"\u1780-\u17D3\u3005-\u3007\u3041-\u309F\u30A1-\u30FA\u30FC-\u312F\u31A0-\u31BF\u31F0-\u31FF"
    r"\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7A3\uF900-\uFAFF\U00020000-\U000323AF"
)
_IS_UNSPACED: Final = re.compile(f"[{UNSPACED}]")
# An accent belongs to the letter before it. As a separator, each would start another attempt.
_NO_LETTER: Final = f"[^[:alnum:]{ACCENTS}{OPTIONAL_MARKS}]"
_WITH_ACCENTS: Final = (range(0x61, 0x7B), range(0xC0, 0x250), range(0x370, 0x530), range(0x1E00, 0x2000))
_WITH_OPTIONAL_MARKS: Final = (range(0x5D0, 0x5EB), range(0x620, 0x750), range(0xFB1D, 0xFB50))


def is_unspaced(term: str) -> bool:
    """Whether a term is of a script without spaces: a letter, or two adjacent letters."""
    return _IS_UNSPACED.match(term) is not None


def distinct_terms(terms: Sequence[str]) -> list[str]:
    """Return the terms without the letters of unspaced scripts that are part of a pair."""
    pairs = {term for term in terms if len(term) > 1 and is_unspaced(term)}
    in_pairs = set("".join(pairs))
    return [term for term in terms if term not in in_pairs]


def first_hit_pattern(terms: Sequence[str]) -> str:
    """Return a PostgreSQL regular expression that finds the first of these terms, in any form.

    It captures no groups, so it runs in time proportional to the text.
    """
    alternatives = []
    for term in distinct_terms(terms):
        patterns = {_in_any_form(term), _in_any_form(unicodedata.normalize("NFD", term))}
        either = f"(?:{'|'.join(sorted(patterns))})"
        alternatives.append(either if is_unspaced(term) else f"(?:^|{_NO_LETTER}){either}(?:$|{_NO_LETTER})")
    return "|".join(alternatives)


def _in_any_form(term: str) -> str:
    """Return a pattern for a term of letters, digits and marks."""
    pieces, at = [], 0
    while at < len(term):
        pair, sign = term[at : at + 2], term[at]
        if others := _variants().get(pair if len(pair) > 1 else ""):
            piece = f"(?:{_letter(pair[0])}{_letter(pair[1])}|[{others}])"
        else:
            pair, piece = sign, _letter(sign)
        pieces.append(piece)
        at += len(pair)
    return "".join(pieces)


def _letter(sign: str) -> str:
    """Return a pattern for one letter, with any marks that a query may omit."""
    either = {form for form in (sign, sign.lower(), sign.upper()) if len(form) == 1}
    either |= set(_variants().get(sign, ""))
    letter = f"[{''.join(sorted(either))}]" if len(either) > 1 else re.escape(sign)
    if any(ord(sign) in letters for letters in _WITH_ACCENTS):
        return f"{letter}[{ACCENTS}]*"
    if any(ord(sign) in letters for letters in _WITH_OPTIONAL_MARKS):
        return f"{letter}[{OPTIONAL_MARKS}]*"
    return letter


@cache
def _variants() -> Mapping[str, str]:
    """Map one or two letters to the letters that have them as a form."""
    found: dict[str, str] = defaultdict(str)
    for code in (code for letters in (*_WITH_ACCENTS, *_WITH_OPTIONAL_MARKS) for code in letters):
        for form in forms(chr(code)):
            if form != chr(code) and form.isalpha():
                found[form] += chr(code)
    return dict(found)
