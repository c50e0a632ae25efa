"""Snippets: the part of a message around its first match, as safe HTML."""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from typing import Final, Self

from app.repositories.search_pattern import UNSPACED, distinct_terms, is_unspaced
from app.services.chat.folded_text import FoldedText, Span

_SNIPPET_CHARS: Final = 240
_CHARS_BEFORE_MATCH: Final = 60
"""Maximum number of them before the first match."""

_LETTER: Final = rf"[^\W_{UNSPACED}]"


@dataclass(frozen=True, slots=True)
class Marker:
    """Finds the terms of a search in texts."""

    pattern: re.Pattern[str]
    """Literal terms with lookarounds: runs in time proportional to the text."""

    @classmethod
    def of(cls, terms: Sequence[str]) -> Self:
        """Build the pattern for these terms."""
        alternatives = [
            re.escape(term) if is_unspaced(term) else rf"(?<!{_LETTER}){re.escape(term)}(?!{_LETTER})"
            for term in sorted(distinct_terms(terms), key=len, reverse=True)
        ]
        return cls(re.compile(f"(?=({'|'.join(alternatives)}))"))

    def first(self, limit: int, query: str) -> list[str]:
        """Return the terms that come first in the query; in unspaced scripts a pair counts as one term."""
        found = (
            (form.original_span(hit.span(1)), hit.group(1))
            for form in FoldedText.forms_of(query)
            for hit in self.pattern.finditer(form.text)
        )
        return list(dict.fromkeys(term for _, term in sorted(found)))[:limit]

    def snippet(self, passage: str, *, is_cut_before: bool = False, is_cut_behind: bool = False) -> str:
        """Return the part around the first match, with matches in `<mark>`; without a match, the beginning.

        All other markup is escaped.
        """
        # A match at a cut may be part of a longer word.
        within = (1 if is_cut_before else 0, len(passage) - 1 if is_cut_behind else len(passage))
        matches = merge(*(self._matches(form, within) for form in FoldedText.forms_of(passage)))
        first_match = next(matches, None)
        begin, end = _part(passage, first_match[0] if first_match else 0)
        pieces, at = ["… " if begin or is_cut_before else ""], begin
        for first, last in _joined(first_match, matches, end):
            marked = html.escape(passage[first : min(last, end)])
            pieces += (html.escape(passage[at:first]), "<mark>", marked, "</mark>")
            at = min(last, end)
        pieces += (html.escape(passage[at:end]), " …" if end < len(passage) or is_cut_behind else "")
        return " ".join("".join(pieces).split())

    def _matches(self, form: FoldedText, within: Span) -> Iterator[Span]:
        """Yield the spans of matches within this part of the text, in order."""
        for found in self.pattern.finditer(form.text):
            first, last = form.original_span(found.span(1))
            if within[0] <= first and last <= within[1]:
                yield first, last


def _joined(first_match: Span | None, matches: Iterator[Span], end: int) -> Iterator[Span]:
    """Yield the matches before `end`, with overlapping and adjacent ones joined."""
    if first_match is None:
        return
    joined = first_match
    for first, last in matches:
        if first >= end:
            break
        if first <= joined[1]:
            joined = (joined[0], max(last, joined[1]))
        else:
            yield joined
            joined = (first, last)
    yield joined


def _part(text: str, match_start: int) -> Span:
    """Return the span around a match, cut at spaces if there are any nearby."""
    begin = max(match_start - _CHARS_BEFORE_MATCH, 0)
    if begin:
        begin = text.find(" ", begin, match_start) + 1 or begin
    end = min(begin + _SNIPPET_CHARS, len(text))
    if end < len(text):
        end = max(text.rfind(" ", match_start + _CHARS_BEFORE_MATCH, end), 0) or end
    return begin, end
