"""Folded forms of a text, with the position of each character in the original."""

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import Final, Self

from app.kit.normal_form import MARKS
from app.repositories.search_forms import OPTIONAL_MARKS, forms_of_cluster

_MAX_LENGTH: Final = 4_000
"""Length at which a form is cut off: one character may become eighteen."""

# Characters other than marks that compose with the one before: Indic vowel signs, kana's sound marks.
JOINING: Final = (
    r"\u09BE\u09D7\u0B3E\u0B56-\u0B57\u0BBE\u0BD7\u0CC2\u0CD5-\u0CD6\u0D3E\u0D57\u0DCF\u0DDF\u102E\u1B35"
    r"\U00011127\U0001133E\U00011357\U000114B0\U000114BA\U000114BD\U000115AF\U00011930"
)
# Kana, ideographs, Hangul and pictographs are the same in all forms, unless marks follow.
_SAME: Final = (
    r"\u3041-\u3096\u30A1-\u30FA\u30FC\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7A3\U0001F300-\U0001FAFF"
    r"\U00020000-\U0002A6DF"
)
_FOLLOWS: Final = f"[{MARKS}{OPTIONAL_MARKS}{JOINING}]"
_HANGUL: Final = r"[\u1100-\u1112][\u1161-\u1175][\u11A8-\u11C2]?"
_CLUSTER: Final = re.compile(
    rf"(?:{_HANGUL}|[^\x00-\x7F{_SAME}]|[\x00-\x7F{_SAME}](?={_FOLLOWS})){_FOLLOWS}*"
)

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class FoldedText:
    """A form of a text. It records each cluster (a letter with its marks) whose length changed."""

    text: str
    _starts: list[int]
    """Start of each recorded cluster in this form."""
    _clusters: list[tuple[int, Span]]
    """End of each recorded cluster in this form, and its span in the original."""

    @classmethod
    def forms_of(cls, text: str) -> list[Self]:
        """Return the distinct forms of a text."""
        if text.isascii():
            return [cls(text.lower(), [], [])]
        found = [(cluster.span(), forms_of_cluster(cluster.group())) for cluster in _CLUSTER.finditer(text)]
        made: dict[str, Self] = {}
        for number in range(3):
            form = cls._of(text, [(span, forms[number]) for span, forms in found])
            made.setdefault(form.text, form)
        return list(made.values())

    @classmethod
    def _of(cls, text: str, clusters: list[tuple[Span, str]]) -> Self:
        pieces: list[str] = []
        starts: list[int] = []
        recorded: list[tuple[int, Span]] = []
        length = at = 0
        for (begin, end), form in clusters:
            if begin > at:
                pieces.append(text[at:begin].lower())
                length += begin - at
            if end - begin != 1 or len(form) != 1:
                starts.append(length)
                recorded.append((length + len(form), (begin, end)))
            pieces.append(form)
            length += len(form)
            at = end
            if length > _MAX_LENGTH:
                break
        else:
            pieces.append(text[at:].lower())
        return cls("".join(pieces), starts, recorded)

    def original_span(self, span: Span) -> Span:
        """Return the span of the original for a non-empty span of this form."""
        return self._cluster(span[0])[0], self._cluster(span[1] - 1)[1]

    def _cluster(self, at: int) -> Span:
        number = bisect_right(self._starts, at) - 1
        if number < 0:
            return at, at + 1
        form_end, (begin, end) = self._clusters[number]
        if at < form_end:
            return begin, end
        return end + at - form_end, end + at - form_end + 1
