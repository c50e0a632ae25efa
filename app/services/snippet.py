"""The part of a message that shows why it was found, as HTML that is safe to show."""

import html
import re
import unicodedata
from collections.abc import Sequence
from itertools import islice, takewhile
from typing import Final

from app.services.search_query import Phrase

_CHARS: Final = 240
_BEFORE: Final = 60
"""So many of them stand before the first hit."""
_LONGEST_CUT: Final = 20
"""So many are given up, so that the part begins and ends with whole words."""
_READ: Final = 50_000
"""So much of a message can be found."""
_MOST_HITS: Final = 100
_MOST_WORDS: Final = 10
"""So many words of a phrase are looked for, which is enough to know it by."""

_Span = tuple[int, int]


def snippet(content: str, wanted: Sequence[Phrase]) -> str:
    """The part in which the most of what is wanted stands, each hit in `<mark>`; else how it begins.

    Text is data, whoever wrote it: any other markup comes out escaped.
    """
    shown, compared = _comparable(content[:_READ])
    hits = _hits(compared, wanted)
    begin, end = _part(shown, _first_of_best(compared, hits))
    pieces = ["… " if begin else ""]
    at = begin
    for first, last in hits:
        if at <= first < end:
            last = min(last, end)  # noqa: PLW2901  # what is shown of it
            pieces += (html.escape(shown[at:first]), "<mark>", html.escape(shown[first:last]), "</mark>")
            at = last
    pieces += (html.escape(shown[at:end]), " …" if end < len(shown) else "")
    return " ".join("".join(pieces).replace("</mark><mark>", "").split())


def _comparable(content: str) -> tuple[str, str]:
    """What is shown, and the same in the small letters that words are compared in, place by place.

    Where their compatibility forms take another number of characters, those are shown.
    """
    shown = unicodedata.normalize("NFC", content)
    compared = _small(unicodedata.normalize("NFKC", shown))
    if len(compared) != len(shown):
        shown = unicodedata.normalize("NFKC", shown)
        compared = _small(shown)
    return shown[:_READ], compared[:_READ]


def _small(text: str) -> str:
    small = text.lower()
    if len(small) != len(text):  # of a letter whose small form is two
        small = "".join(char.lower() if len(char.lower()) == 1 else char for char in text)
    return small.replace("\u03c2", "\u03c3")


def _hits(compared: str, wanted: Sequence[Phrase]) -> list[_Span]:
    """Where phrases stand as they were wanted, in order; their words, if none does."""
    words = [
        Phrase((word,), phrase.begins_in_a_run, phrase.ends_in_a_run)
        for phrase in wanted
        for word in phrase.words
    ]
    for phrases in (wanted, words):
        pattern = "|".join(sorted(map(_pattern, phrases), key=len, reverse=True))
        if pattern and (found := [hit.span() for hit in islice(re.finditer(pattern, compared), _MOST_HITS)]):
            return found
    return []


def _pattern(phrase: Phrase) -> str:
    begin = "" if phrase.begins_in_a_run else r"(?<![^\W_])"
    words = phrase.words[:_MOST_WORDS]
    end = "" if phrase.ends_in_a_run or len(words) < len(phrase.words) else r"(?![^\W_])"
    return begin + r"[\W_]*".join(map(re.escape, words)) + end


def _first_of_best(compared: str, hits: Sequence[_Span]) -> int:
    """Where the hit stands with which the part begins that holds the most different ones."""
    best, place = 0, 0
    for number, (first, _) in enumerate(hits):
        following = takewhile(lambda hit: hit[1] <= first + _CHARS - _BEFORE, hits[number:])  # noqa: B023  # run at once
        different = len({compared[begin:end] for begin, end in following})
        if different > best:
            best, place = different, first
    return place


def _part(shown: str, first_hit: int) -> _Span:
    """Around this place, at the ends of words where they are near."""
    begin = max(first_hit - _BEFORE, 0)
    end = min(begin + _CHARS, len(shown))
    if begin and (blank := re.search(r"\s", shown[begin : min(begin + _LONGEST_CUT, first_hit)])):
        begin += blank.end()
    if end < len(shown) and (blank := re.search(r"\s\S*$", shown[end - _LONGEST_CUT : end])):
        end -= _LONGEST_CUT - blank.start()
    return begin, end
