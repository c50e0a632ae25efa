"""The part of a message that shows why it was found, as HTML that is safe to show."""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from app.normal_form import normalized

_CHARS: Final = 240
_BEFORE: Final = 60
"""So many of them stand before the first hit."""
_SEARCHED: Final = 50_000
"""So much of a message can be found."""
_MOST_MARKS: Final = 100

# Scripts that put no blanks between words; the migration that makes the words has the same.
_UNSPACED: Final = (
    r"\u0E01-\u0E3A\u0E40-\u0E4E\u0E80-\u0EFF\u1000-\u1049\u1050-\u109F\uA9E0-\uA9FF\uAA60-\uAA7F"
    r"\u1780-\u17D3\u3005-\u3007\u3041-\u309F\u30A1-\u30FA\u30FC-\u312F\u31A0-\u31BF\u31F0-\u31FF"
    r"\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7A3\uF900-\uFAFF\U00020000-\U000323AF"
)
_IS_UNSPACED: Final = re.compile(f"[{_UNSPACED}]")
_LETTER: Final = rf"[^\W_{_UNSPACED}]"

_Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Marker:
    """Finds the words of a search in texts."""

    pattern: re.Pattern[str]
    """Literal words with a look at what is beside them: takes time in proportion to the text."""

    @classmethod
    def of(cls, words: Sequence[str]) -> Self:
        """Words as they are kept; of letters of unspaced scripts there are pairs, and each by itself."""
        pairs = {word for word in words if len(word) > 1 and _IS_UNSPACED.match(word)}
        in_pairs = set("".join(pairs))
        alternatives = [
            re.escape(word) if _IS_UNSPACED.match(word) else rf"(?<!{_LETTER}){re.escape(word)}(?!{_LETTER})"
            for word in sorted(words, key=len, reverse=True)
            if word not in in_pairs
        ]
        return cls(re.compile(f"(?=({'|'.join(alternatives)}))"))

    def snippet(self, content: str) -> str:
        """The part around the first hit with all hits in `<mark>`; how it begins, if there is none.

        Text is data, whoever wrote it: any other markup comes out escaped.
        """
        text = normalized(content[:_SEARCHED], "NFKC")[:_SEARCHED]
        marks = self._marks(text)
        begin, end = _part(text, marks[0][0] if marks else 0)
        pieces, at = ["… " if begin else ""], begin
        for first, last in marks:
            if first >= end:
                break
            marked = html.escape(text[first : min(last, end)])
            pieces += (html.escape(text[at:first]), "<mark>", marked, "</mark>")
            at = min(last, end)
        pieces += (html.escape(text[at:end]), " …" if end < len(text) else "")
        return " ".join("".join(pieces).split())

    def _marks(self, text: str) -> list[_Span]:
        """Where words stand, in order; what overlaps or touches in an unspaced script is one."""
        marks: list[_Span] = []
        for found in self.pattern.finditer(_small(text)):
            first, last = found.span(1)
            if marks and first <= marks[-1][1]:
                marks[-1] = (marks[-1][0], max(last, marks[-1][1]))
            elif len(marks) == _MOST_MARKS:
                break
            else:
                marks.append((first, last))
        return marks


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
