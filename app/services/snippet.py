"""The part of a message that shows why it was found, as HTML that is safe to show."""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self

from app.normal_form import normalized
from app.repositories.search_pattern import UNSPACED, is_unspaced, sought

_CHARS: Final = 240
_BEFORE: Final = 60
"""So many of them stand before the first hit."""
_LONGEST_PASSAGE: Final = 4_000
"""Of a passage in its normal form, which may be longer than it was."""

_LETTER: Final = rf"[^\W_{UNSPACED}]"

_Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Marker:
    """Finds the words of a search in texts."""

    pattern: re.Pattern[str]
    """Literal words with a look at what is beside them: takes time in proportion to the text."""

    @classmethod
    def of(cls, words: Sequence[str]) -> Self:
        """Words as they are kept."""
        alternatives = [
            re.escape(word) if is_unspaced(word) else rf"(?<!{_LETTER}){re.escape(word)}(?!{_LETTER})"
            for word in sorted(sought(words), key=len, reverse=True)
        ]
        return cls(re.compile(f"(?=({'|'.join(alternatives)}))"))

    def first(self, most: int, asked: str) -> list[str]:
        """Return the words that stand first in what was typed; of unspaced scripts a pair counts as one."""
        typed = _small(normalized(asked, "NFKC"))
        return list(dict.fromkeys(found.group(1) for found in self.pattern.finditer(typed)))[:most]

    def snippet(self, passage: str, *, is_cut_before: bool = False, is_cut_behind: bool = False) -> str:
        """The part around the first hit with its hits in `<mark>`; how the passage begins, if there is none.

        Text is data, whoever wrote it: any other markup comes out escaped.
        """
        text = normalized(passage, "NFKC")[:_LONGEST_PASSAGE]
        hits = self._hits(_small(text), is_cut_before=is_cut_before, is_cut_behind=is_cut_behind)
        first_hit = next(hits, None)
        begin, end = _part(text, first_hit[0] if first_hit else 0)
        pieces, at = ["… " if begin or is_cut_before else ""], begin
        for first, last in _joined(first_hit, hits, end):
            marked = html.escape(text[first : min(last, end)])
            pieces += (html.escape(text[at:first]), "<mark>", marked, "</mark>")
            at = min(last, end)
        pieces += (html.escape(text[at:end]), " …" if end < len(text) or is_cut_behind else "")
        return " ".join("".join(pieces).split())

    def _hits(self, small: str, *, is_cut_before: bool, is_cut_behind: bool) -> Iterator[_Span]:
        """Yield where words stand, in order; what touches a cut may be a part of a longer word."""
        for found in self.pattern.finditer(small, 1 if is_cut_before else 0):
            if not (is_cut_behind and found.end(1) == len(small)):
                yield found.span(1)


def _joined(first_hit: _Span | None, hits: Iterator[_Span], end: int) -> Iterator[_Span]:
    """Yield the hits before `end`; what overlaps or touches in an unspaced script is one."""
    if first_hit is None:
        return
    joined = first_hit
    for first, last in hits:
        if first >= end:
            break
        if first <= joined[1]:
            joined = (joined[0], max(last, joined[1]))
        else:
            yield joined
            joined = (first, last)
    yield joined


def _small(text: str) -> str:
    """In small letters, place by place; Greek's sigma at the end of words is like any other."""
    small = text.lower()
    if len(small) != len(text):  # of a letter whose small form is two
        small = "".join(sign.lower()[0] for sign in text)
    return small.replace("\u03c2", "\u03c3")


def _part(text: str, first_mark: int) -> _Span:
    """Around this place, between whole words where blanks are near."""
    begin = max(first_mark - _BEFORE, 0)
    if begin:
        begin = text.find(" ", begin, first_mark) + 1 or begin
    end = min(begin + _CHARS, len(text))
    if end < len(text):
        end = max(text.rfind(" ", first_mark + _BEFORE, end), 0) or end
    return begin, end
