"""Reads the blocks of a Markdown text (CommonMark), to find those that are open at its end.

A block inside a quote or list ends with it, at the next line that is neither quoted nor indented. So only
blocks on the top level can stay open. Runs in time proportional to the text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

_MAX_DEPTH: Final = 20  # of nested quotes and lists; deeper ones are read as text
_QUOTE: Final = -1
_INDENTED_CODE: Final = 4

_LINE: Final = re.compile(r"([^\r\n]*)(\r\n|\r|\n|\Z)")
_FENCE: Final = re.compile(r"(`{3,})[^`]*\Z|(~{3,})")
_HEADING: Final = re.compile(r"#{1,6}(?: |\Z)")
_UNDERLINE: Final = re.compile(r"(?:=+|-+) *\Z")
_RULE: Final = re.compile(r"(?:(?:\* *){3,}|(?:_ *){3,}|(?:- *){3,})\Z")
_MARKER: Final = re.compile(r"(?:[*+-]|(\d{1,9})[.)])(?= |\Z)")

_BLOCK_NAMES: Final = (
    "address|article|aside|base|basefont|blockquote|body|caption|center|col|colgroup|dd|details|dialog|dir|div"
    "|dl|dt|fieldset|figcaption|figure|footer|form|frame|frameset|h[1-6]|head|header|hr|html|iframe|legend|li"
    "|link|main|menu|menuitem|nav|noframes|ol|optgroup|option|p|param|search|section|summary|table|tbody|td"
    "|tfoot|th|thead|title|tr|track|ul"
)
_ATTRIBUTE: Final = r"""\s+[a-z_:][\w.:-]*(?:\s*=\s*(?:[^\s"'=<>`]+|'[^']*'|"[^"]*"))?"""
TAG: Final = re.compile(rf"<(?:[a-z][a-z0-9-]*(?:{_ATTRIBUTE})*+\s*/?|/[a-z][a-z0-9-]*\s*)>", re.IGNORECASE)
"""A complete tag in a line of text."""


@dataclass(frozen=True, slots=True)
class _HtmlBlock:
    """A kind of HTML block: its start and its end condition; None is a blank line."""

    start: re.Pattern[str]
    end: re.Pattern[str] | None
    interrupts_paragraph: bool = True


_HTML: Final = (
    _HtmlBlock(
        re.compile(r"<(script|pre|style|textarea)(?=[ >]|\Z)", re.IGNORECASE),
        re.compile(r"</(?:script|pre|style|textarea)>", re.IGNORECASE),
    ),
    _HtmlBlock(re.compile("<!--"), re.compile("-->")),
    _HtmlBlock(re.compile(r"<\?"), re.compile(r"\?>")),
    _HtmlBlock(re.compile(r"<!\[CDATA\["), re.compile("]]>")),
    _HtmlBlock(re.compile("<![A-Za-z]"), re.compile(">")),
    _HtmlBlock(re.compile(rf"</?(?:{_BLOCK_NAMES})(?= |/?>|\Z)", re.IGNORECASE), None),
    _HtmlBlock(re.compile(rf"{TAG.pattern} *\Z", re.IGNORECASE), None, interrupts_paragraph=False),
)
_CLOSING: Final = (None, "-->", "?>", "]]>", ">")


class Leaf(Enum):
    """Kinds of blocks that contain no other blocks."""

    NONE = auto()
    """No leaf is open."""
    PARAGRAPH = auto()
    FENCE = auto()
    HTML = auto()


@dataclass(slots=True)
class OpenBlocks:
    """The blocks that are open after the lines read so far."""

    containers: list[int] = field(default_factory=list)
    """Open quotes and list items, outermost first; an item is the width of its indentation."""
    leaf: Leaf = Leaf.NONE
    closing: str | None = None
    """The line that closes the leaf, if it needs one."""
    prose: list[tuple[str, bool]] = field(default_factory=list)
    """Each line that may contain HTML, and whether it belongs to an HTML block; "" between blocks."""
    _html: _HtmlBlock | None = None
    _is_item_empty: bool = False
    _was_blank: bool = False

    def read(self, line: str) -> None:
        """Read the next line."""
        line = line.expandtabs(4)
        is_blank = not line.strip(" ")
        if is_blank and self._was_blank and self.leaf is Leaf.NONE:
            return
        self._was_blank = is_blank
        at, matched = self._matched(line)
        if matched == len(self.containers) and self._continue_leaf(line[at:]):
            return
        is_new = False
        while matched < _MAX_DEPTH and (opened := self._container(line, at, matched)) is not None:
            at, container = opened
            self._close(matched)
            self._end_leaf()
            self.containers.append(container)
            self._is_item_empty = container != _QUOTE and not line[at:].strip(" ")
            matched += 1
            is_new = True
        self._leaf(line[at:], matched, is_new=is_new)

    def _matched(self, line: str) -> tuple[int, int]:
        """Return the column after the containers that the line continues, and their number."""
        at, is_blank = 0, not line.strip(" ")
        for number, container in enumerate(self.containers):
            indent = _indent(line, at)
            if container == _QUOTE:
                if indent >= _INDENTED_CODE or line[at + indent : at + indent + 1] != ">":
                    return at, number
                at += indent + 1
                at += line[at : at + 1] == " "
            elif is_blank or not line[at:].strip(" "):
                if self._is_item_empty and number == len(self.containers) - 1:
                    return at, number
            elif indent >= container:
                at += container
            else:
                return at, number
        return at, len(self.containers)

    def _continue_leaf(self, rest: str) -> bool:
        """Add the line to an open fence or HTML block; False if there is none."""
        if self.leaf is Leaf.FENCE and self.closing is not None:
            bare = rest.strip(" ")
            is_end = set(bare) == {self.closing[0]} and len(bare) >= len(self.closing)
            if is_end and _indent(rest) < _INDENTED_CODE:
                self._end_leaf()
            return True
        if self.leaf is Leaf.HTML and self._html is not None:
            if self._html.end is None and not rest.strip(" "):
                self._end_leaf()
                return True
            self.prose.append((rest or " ", True))
            if self._html.end is not None and self._html.end.search(rest):
                self._end_leaf()
            return True
        return False

    def _container(self, line: str, at: int, matched: int) -> tuple[int, int] | None:
        """Return the column after the quote or list item that starts here, and the container."""
        indent = _indent(line, at)
        rest = line[at + indent :]
        if indent >= _INDENTED_CODE or not rest:
            return None
        if rest[0] == ">":
            at += indent + 1
            return at + (line[at : at + 1] == " "), _QUOTE
        marker = _MARKER.match(rest)
        if marker is None or _RULE.match(rest):
            return None
        behind = rest[marker.end() :]
        if self.leaf is Leaf.PARAGRAPH and matched == len(self.containers):
            is_one = marker[1] is None or int(marker[1]) == 1
            if not behind.strip(" ") or not is_one or _UNDERLINE.match(rest):
                return None
        spaces = _indent(behind)
        width = marker.end() + (spaces if behind.strip(" ") and spaces <= _INDENTED_CODE else 1)
        return min(at + indent + width, len(line)), indent + width

    def _leaf(self, rest: str, matched: int, *, is_new: bool) -> None:
        """Start, continue or end a leaf with the rest of the line."""
        indent, text = _indent(rest), rest.strip(" ")
        in_paragraph = self.leaf is Leaf.PARAGRAPH
        continues = in_paragraph and matched == len(self.containers)
        if not text:
            self._close(matched)
            self._end_leaf()
            return
        self._is_item_empty = False
        if indent < _INDENTED_CODE:
            if continues and _UNDERLINE.match(text):
                self._end_leaf()
                return
            if self._start_block(rest.lstrip(" "), matched, in_paragraph=in_paragraph):
                return
        elif not in_paragraph:  # indented code
            self._close(matched)
            self._end_leaf()
            return
        if not in_paragraph or is_new:
            self._close(matched)
            self._end_leaf()
            self.leaf = Leaf.PARAGRAPH
        self.prose.append((rest, False))

    def _start_block(self, text: str, matched: int, *, in_paragraph: bool) -> bool:
        """Start a block that may interrupt a paragraph; False if the line is text."""
        if _HEADING.match(text) or _RULE.match(text):
            self._close(matched)
            self._end_leaf()
            self.prose += [(text, False), ("", False)]
            return True
        if fence := _FENCE.match(text):
            self._close(matched)
            self._end_leaf()
            self.leaf, self.closing = Leaf.FENCE, fence[1] or fence[2]
            return True
        if text[0] != "<":
            return False
        for kind, closing in zip(_HTML, (*_CLOSING, None, None), strict=True):
            start = kind.start.match(text) if kind.interrupts_paragraph or not in_paragraph else None
            if start is None:
                continue
            self._close(matched)
            self._end_leaf()
            self.prose.append((text, True))
            if kind.end is None or not kind.end.search(text):
                self.leaf, self._html = Leaf.HTML, kind
                self.closing = closing if closing or kind.end is None else f"</{start[1].lower()}>"
            else:
                self._end_leaf()
            return True
        return False

    def _close(self, matched: int) -> None:
        """Close the containers that the line does not continue, with their leaf."""
        if matched < len(self.containers):
            del self.containers[matched:]
            self._end_leaf()

    def _end_leaf(self) -> None:
        if self.leaf is not Leaf.NONE:
            self.prose.append(("", False))
        self.leaf, self.closing, self._html = Leaf.NONE, None, None


def open_blocks(text: str) -> OpenBlocks:
    """Return the blocks that are open at the end of the text."""
    blocks = OpenBlocks()
    for line in _lines(text):
        blocks.read(line)
    return blocks


def _lines(text: str) -> Iterator[str]:
    for line in _LINE.finditer(text):
        if line[2] or line[1]:
            yield line[1]


def _indent(text: str, at: int = 0) -> int:
    """Count the spaces at this column."""
    end = at
    while text[end : end + 1] == " ":
        end += 1
    return end - at
