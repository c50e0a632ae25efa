"""The part of a message that shows why it was found, as HTML that is safe to show."""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from typing import Final, Self

from app.repositories.search_pattern import UNSPACED, is_unspaced, sought
from app.services.chat.folded_text import FoldedText, Span

_CHARS: Final = 240
_BEFORE: Final = 60
"""So many of them stand before the first hit."""

_LETTER: Final = rf"[^\W_{UNSPACED}]"


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

    def first(self, limit: int, query: str) -> list[str]:
        """Return the words that stand first in what was typed; of unspaced scripts a pair counts as one."""
        found = (
            (form.place(hit.span(1)), hit.group(1))
            for form in FoldedText.forms_of(query)
            for hit in self.pattern.finditer(form.text)
        )
        return list(dict.fromkeys(word for _, word in sorted(found)))[:limit]

    def snippet(self, passage: str, *, is_cut_before: bool = False, is_cut_behind: bool = False) -> str:
        """The part around the first hit with its hits in `<mark>`; how the passage begins, if there is none.

        Text is data, whoever wrote it: any other markup comes out escaped.
        """
        # What touches a cut may be a part of a longer word.
        within = (1 if is_cut_before else 0, len(passage) - 1 if is_cut_behind else len(passage))
        hits = merge(*(self._hits(form, within) for form in FoldedText.forms_of(passage)))
        first_hit = next(hits, None)
        begin, end = _part(passage, first_hit[0] if first_hit else 0)
        pieces, at = ["… " if begin or is_cut_before else ""], begin
        for first, last in _joined(first_hit, hits, end):
            marked = html.escape(passage[first : min(last, end)])
            pieces += (html.escape(passage[at:first]), "<mark>", marked, "</mark>")
            at = min(last, end)
        pieces += (html.escape(passage[at:end]), " …" if end < len(passage) or is_cut_behind else "")
        return " ".join("".join(pieces).split())

    def _hits(self, form: FoldedText, within: Span) -> Iterator[Span]:
        """Yield where words stand in this part of the text, in order."""
        for found in self.pattern.finditer(form.text):
            first, last = form.place(found.span(1))
            if within[0] <= first and last <= within[1]:
                yield first, last


def _joined(first_hit: Span | None, hits: Iterator[Span], end: int) -> Iterator[Span]:
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


def _part(text: str, first_mark: int) -> Span:
    """Around this place, between whole words where blanks are near."""
    begin = max(first_mark - _BEFORE, 0)
    if begin:
        begin = text.find(" ", begin, first_mark) + 1 or begin
    end = min(begin + _CHARS, len(text))
    if end < len(text):
        end = max(text.rfind(" ", first_mark + _BEFORE, end), 0) or end
    return begin, end
