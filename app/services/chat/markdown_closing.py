"""Closes what a Markdown text leaves open, so that what follows is read as it is meant."""

import re
from bisect import bisect
from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby
from typing import Final

from app.services.chat.markdown_blocks import TAG, Leaf, OpenBlocks, open_blocks

_MAY_BE_OPEN: Final = re.compile(r"```|~~~|<|\$\$")
_BACKTICKS: Final = re.compile("`+")
_NEUTRAL: Final = "<!-- -->"
"""Ends a comment, and is an empty one where none is open."""

# Elements that change how everything behind them is shown, or hide it, until they end.
_LASTING_NAMES: Final = (
    "a abbr article aside audio b big blockquote button canvas center cite code data datalist del details dfn"
    " dialog dir div dl em fieldset figcaption figure font footer form h1 h2 h3 h4 h5 h6 header i ins kbd"
    " label main map mark marquee math menu meter nav noscript object ol output picture pre progress q ruby"
    " s samp search section select small span strike strong sub summary sup svg table template time tt u ul"
    " var video"
)
_LASTING: Final = frozenset(_LASTING_NAMES.split())
_RAW: Final = frozenset({"script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes"})
"""Elements that hold text and no other elements."""

_TOKEN: Final = re.compile(r"<!--|(<[!?])|<(/?)([a-z][a-z0-9-]*)", re.IGNORECASE)
# What stands behind a tag's name, up to the end of the text at most; never gives back what it has taken.
_REST_OF_TAG: Final = re.compile(r"""(?:[^>"']|"[^"]*"|'[^']*')*+(>|"|'|\Z)""")


def closing_lines(text: str) -> str:
    """Return the lines that close what the text leaves open; they belong on lines of their own, behind it.

    Fenced code, blocks of HTML and of formulas (`$$`), HTML elements, comments and tags that were cut off.
    Takes time in proportion to the text.
    """
    if not _MAY_BE_OPEN.search(text):
        return ""
    blocks = open_blocks(text)
    html = _OpenHtml()
    for piece, is_block in _pieces(blocks):
        html.read(piece if is_block else _without_code(piece), is_block=is_block)
    lines = []
    if not blocks.containers:
        if blocks.leaf is Leaf.HTML and (closing := html.end_block(blocks.closing)):
            lines.append(closing)
        elif blocks.leaf is Leaf.FENCE and blocks.closing:
            lines.append(blocks.closing)
        elif _is_formula_open(blocks):
            lines.append("$$")
    if behind := html.closing:
        lines += ["", *behind]
    return "".join(f"{line}\n" for line in lines)


class _OpenHtml:
    """The HTML elements that are open behind the pieces read so far."""

    def __init__(self) -> None:
        self._elements: dict[str, list[int]] = defaultdict(list)  # where each open element of a name begins
        self._count = 0
        self._raw: str | None = None
        self._in_comment = False
        self.cut_tag: str | None = None
        """What ends the tag in which the text ends."""

    @property
    def closing(self) -> list[str]:
        """Return the lines that close them, the innermost first."""
        opened = [(place, name) for name, places in self._elements.items() for place in places]
        names = [name for _, name in sorted(opened, reverse=True)]
        lines = [f"</{name}>" for name in ([self._raw] if self._raw else []) + names]
        return [_NEUTRAL, *lines] if self._in_comment else lines

    def end_block(self, closing: str | None) -> str:
        """Return the line that ends a block of HTML in which the text ends.

        Without `closing` a blank line ends the block itself.
        """
        line = self.cut_tag or ""
        if closing is None:
            return line
        if self._in_comment:
            line += "-->"
        if self._raw:
            line += f"</{self._raw}>"
        name = closing[2:-1]
        if self._elements.get(name):
            self._elements[name].pop()
        ended, self._in_comment, self._raw = line, False, None
        return ended if ended.endswith(closing) else ended + closing

    def read(self, piece: str, *, is_block: bool) -> None:
        """Read the text of one block: of HTML, or of prose, in which only a whole tag is one."""
        at, self.cut_tag = 0, None
        if self._in_comment or self._raw:
            at = self._behind_raw(piece, 0, is_block=is_block)
        while token := _TOKEN.search(piece, at):
            at = token.end()
            if token[1] is not None:  # a declaration or an instruction
                at = self._behind_declaration(piece, at, is_block=is_block)
                continue
            if token[3] is None:
                at = self._behind_comment(piece, at, is_block=is_block)
                continue
            whole = TAG.match(piece, token.start())
            if whole is None and not is_block:
                continue
            end = whole.end() if whole else self._behind_tag(piece, at)
            at = self._element(piece, end, token[3].lower(), is_block=is_block, is_end=bool(token[2]))

    def _behind_declaration(self, piece: str, at: int, *, is_block: bool) -> int:
        end = piece.find(">", at)
        if end < 0 and is_block:
            self.cut_tag = ">"
        return len(piece) if end < 0 else end + 1

    def _behind_tag(self, piece: str, at: int) -> int:
        rest = _REST_OF_TAG.match(piece, at)
        if rest is None or rest[1] != ">":
            self.cut_tag = (rest[1] if rest else "") + ">"
        return rest.end() if rest else len(piece)

    def _behind_comment(self, piece: str, at: int, *, is_block: bool) -> int:
        end = piece.find("-->", max(at - 2, 0))
        if end >= 0:
            return end + 3
        self._in_comment = is_block
        return len(piece) if is_block else at

    def _behind_raw(self, piece: str, at: int, *, is_block: bool) -> int:
        """Return the place behind the end of a comment or of an element that holds text.

        In prose a comment is whole: what would end one that is open already is written as text.
        """
        if self._in_comment and not is_block:
            at = piece.find("<!--", at)
            if at < 0:
                return len(piece)
        end = re.compile("-->" if self._in_comment else f"</{self._raw}", re.IGNORECASE).search(piece, at)
        if end is None:
            return len(piece)
        self._in_comment, self._raw = False, None
        return end.end()

    def _element(self, piece: str, at: int, name: str, *, is_block: bool, is_end: bool) -> int:
        if name in _RAW and not is_end:
            self._raw = name
            return self._behind_raw(piece, at, is_block=is_block)
        if name in _LASTING and is_end and self._elements[name]:
            self._elements[name].pop()
        elif name in _LASTING and not is_end:
            self._count += 1
            self._elements[name].append(self._count)
        return at


def _pieces(blocks: OpenBlocks) -> Iterator[tuple[str, bool]]:
    """Join the lines of each block."""
    for (is_text, is_block), lines in groupby(blocks.prose, key=lambda line: (bool(line[0]), line[1])):
        if is_text:
            yield "\n".join(line for line, _ in lines), is_block


def _without_code(text: str) -> str:
    """Return the text of a block without its spans of code."""
    runs = [(run.start(), run.end()) for run in _BACKTICKS.finditer(text)]
    by_length: dict[int, list[int]] = defaultdict(list)
    for start, end in runs:
        by_length[end - start].append(start)
    kept, at = [], 0
    for start, end in runs:
        if start < at:
            continue
        alike = by_length[end - start]
        next_place = bisect(alike, start)
        if next_place < len(alike):
            kept.append(text[at:start])
            at = alike[next_place] + end - start
    return "".join([*kept, text[at:]])


def _is_formula_open(blocks: OpenBlocks) -> bool:
    """Whether a line that begins with `$$` has no counterpart."""
    is_open = False
    for line, is_block in blocks.prose:
        text = "" if is_block else line.strip()
        if is_open:
            is_open = not text.endswith("$$")
        elif text.startswith("$$"):
            is_open = len(text) < len("$$$$") or not text.endswith("$$")
    return is_open
