"""Lines that close the blocks and elements that a Markdown text leaves open."""

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
"""Ends an open comment; an empty comment if none is open."""

# Elements that change the display of all that follows, or hide it, until they end.
_SPANNING_NAMES: Final = (
    "a abbr article aside audio b big blockquote button canvas center cite code data datalist del details dfn"
    " dialog dir div dl em fieldset figcaption figure font footer form h1 h2 h3 h4 h5 h6 header i ins kbd"
    " label main map mark marquee math menu meter nav noscript object ol output picture pre progress q ruby"
    " s samp search section select small span strike strong sub summary sup svg table template time tt u ul"
    " var video"
)
_SPANNING: Final = frozenset(_SPANNING_NAMES.split())
_RAW: Final = frozenset({"script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes"})
"""Elements that contain text and no other elements."""

_TOKEN: Final = re.compile(r"<!--|(<[!?])|<(/?)([a-z][a-z0-9-]*)", re.IGNORECASE)
# The rest of a tag after its name, at most to the end of the text; possessive, without backtracking.
_REST_OF_TAG: Final = re.compile(r"""(?:[^>"']|"[^"]*"|'[^']*')*+(>|"|'|\Z)""")


def closing_lines(text: str) -> str:
    """Return the lines that close what the text leaves open, to be added after it.

    They close fenced code, blocks of HTML and of formulas (`$$`), HTML elements, comments, and tags that were
    cut off. Runs in time proportional to the text.
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
    """The HTML elements that are open after the pieces read so far."""

    def __init__(self) -> None:
        self._elements: dict[str, list[int]] = defaultdict(list)  # start of each open element, by name
        self._count = 0
        self._raw: str | None = None
        self._in_comment = False
        self.cut_tag: str | None = None
        """The text that ends the tag in which the text was cut off."""

    @property
    def closing(self) -> list[str]:
        """Return the lines that close the open elements, the innermost first."""
        opened = [(place, name) for name, places in self._elements.items() for place in places]
        names = [name for _, name in sorted(opened, reverse=True)]
        lines = [f"</{name}>" for name in ([self._raw] if self._raw else []) + names]
        return [_NEUTRAL, *lines] if self._in_comment else lines

    def end_block(self, closing: str | None) -> str:
        """Return the line that closes the block of HTML in which the text ends.

        Without `closing`, a blank line ends the block.
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
        """Read the text of one block: HTML, or prose, in which only complete tags count."""
        at, self.cut_tag = 0, None
        if self._in_comment or self._raw:
            at = self._after_raw(piece, 0, is_block=is_block)
        while token := _TOKEN.search(piece, at):
            at = token.end()
            if token[1] is not None:  # a declaration or an instruction
                at = self._after_declaration(piece, at, is_block=is_block)
                continue
            if token[3] is None:
                at = self._after_comment(piece, at, is_block=is_block)
                continue
            whole = TAG.match(piece, token.start())
            if whole is None and not is_block:
                continue
            end = whole.end() if whole else self._after_tag(piece, at)
            at = self._element(piece, end, token[3].lower(), is_block=is_block, is_end=bool(token[2]))

    def _after_declaration(self, piece: str, at: int, *, is_block: bool) -> int:
        end = piece.find(">", at)
        if end < 0 and is_block:
            self.cut_tag = ">"
        return len(piece) if end < 0 else end + 1

    def _after_tag(self, piece: str, at: int) -> int:
        rest = _REST_OF_TAG.match(piece, at)
        if rest is None or rest[1] != ">":
            self.cut_tag = (rest[1] if rest else "") + ">"
        return rest.end() if rest else len(piece)

    def _after_comment(self, piece: str, at: int, *, is_block: bool) -> int:
        end = piece.find("-->", max(at - 2, 0))
        if end >= 0:
            return end + 3
        self._in_comment = is_block
        return len(piece) if is_block else at

    def _after_raw(self, piece: str, at: int, *, is_block: bool) -> int:
        """Return the position after the end of a comment or of an element that contains text.

        In prose only complete comments count: the end of a comment opened earlier is plain text.
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
            return self._after_raw(piece, at, is_block=is_block)
        if name in _SPANNING and is_end and self._elements[name]:
            self._elements[name].pop()
        elif name in _SPANNING and not is_end:
            self._count += 1
            self._elements[name].append(self._count)
        return at


def _pieces(blocks: OpenBlocks) -> Iterator[tuple[str, bool]]:
    """Yield the joined lines of each block, and whether it is HTML."""
    for (is_text, is_block), lines in groupby(blocks.prose, key=lambda line: (bool(line[0]), line[1])):
        if is_text:
            yield "\n".join(line for line, _ in lines), is_block


def _without_code(text: str) -> str:
    """Remove the code spans of a block's text."""
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
    """Whether a `$$` at the start of a line is not closed."""
    is_open = False
    for line, is_block in blocks.prose:
        text = "" if is_block else line.strip()
        if is_open:
            is_open = not text.endswith("$$")
        elif text.startswith("$$"):
            is_open = len(text) < len("$$$$") or not text.endswith("$$")
    return is_open
