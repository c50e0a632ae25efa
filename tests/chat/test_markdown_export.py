"""Nothing that a message leaves open reaches behind it: every heading of an exported room is a heading."""

import time
import uuid
from html.parser import HTMLParser

import hypothesis.strategies as st
import pytest
from hypothesis import example, given, settings
from markdown_it import MarkdownIt

from app.services.chat.markdown_closing import closing_lines
from tests.support.others import others_waiting
from tests.support.person import Person
from tests.support.stack import Stack

_READER = MarkdownIt("commonmark").enable("table")
_LEFT_OPEN = {
    "a fence": "Look:\n\n```python\nprint(1)",
    "a fence of tildes": "~~~\ncode",
    "a long fence": "`````\n```\ncode\n```",
    "a fence with its end cut": "```\ncode\n``",
    "a fence with its beginning cut": "text\n\n```",
    "an indented fence": "   ```\n   code",
    "a fence in a list": "1. First\n\n   ```sh\n   ls",
    "a fence in a quote": "> ```\n> code",
    "a fence in a list in a quote": "> - ```\n>   code",
    "a fence behind a list": "- a\n\n```\ncode",
    "a fence that is no part of a list": "text\n2. no list\n   ```\n   code",
    "a fence behind a line with no break": "a\r```\rcode",
    "a comment": "<!-- a remark",
    "a comment with a fence": "<!--\n```\n",
    "a fence with a comment": "```\n<!--\n",
    "a script": "<script>\nlet x = 1;\n\n```",
    "a style": '<style type="text/css">\n\np {}',
    "pre": "<pre>\n\n# no heading",
    "an instruction": "<?php\n\necho 1;",
    "a declaration": "<!DOCTYPE html",
    "CDATA": "<![CDATA[\n\nx",
    "details": "<details>\n<summary>More</summary>\n\nHidden",
    "details in a list": "- <details>\n  <summary>More</summary>\n\n  Hidden",
    "a tag": 'text\n\n<div class="wide',
    "bold": "This is <b>bold",
    "a quote": "> quoted",
    "a list": "- one\n- ",
    "a nested list": "- one\n  - two\n    - three",
    "a table": "| a | b |\n|---|---|\n| 1 |",
    "a table's first row": "| a | b |",
    "a formula": "$$\nx = 1",
    "a link definition": "[a]: <",
    "a title of a link": "[a]: /b 'title",
    "a line before a rule": "Heading?",
    "a backslash": "end\\",
    "a span of code": "a `span",
    "indented code": "    code",
    "emphasis": "**bold *and",
    "white space": "text   \n\n   ",
    "a line of hyphens": "text\n---",
}
_WHOLE = {
    "text": "Hello **there**\n\n- one\n- two",
    "code": "```py\nprint(1)\n```\n\nDone.",
    "nested code": "1. Run\n   ```\n   ls\n   ```",
    "tags named in code": "Use `<details>` or ``<b>``:\n\n```html\n<script>\n<!--\n```",
    "indented tags": "Like so:\n\n    <details>\n    ```",
    "HTML": "<details>\n<summary>More</summary>\n\nHidden\n\n</details>",
    "a comparison": "a < b and c <d",
    "generics": "Vec<String> and List<T>",
    "prices": "$$ or $$$",
    "a formula": "$$\nx\n$$ and $$y$$",
    "backticks in a line": "``` is a fence, `` ` `` is not",
    "a quoted fence": "> ```\n> code",
}
_PIECES = [
    *("```", "````", "~~~", "~~~~", "`", "``", " ", "  ", "    ", "\t", "\n", "\n\n", "\r", "\n  ", "\n   "),
    *(
        "> ",
        ">",
        "- ",
        "* ",
        "1. ",
        "2. ",
        "10) ",
        "-\n",
        "1.\n",
        "# h",
        "---",
        "===",
        "***",
        "a",
        "text b",
        "\\",
    ),
    *("<!--", "-->", "<!-- x -->", "<div>", "</div>", "<details>", "</details>", "<script>", "</script>"),
    *("<pre>", "</pre>", "<?", "?>", "<![CDATA[", "]]>", "<!X", "<b>", '<a href="x">', '"', "'", "<p", "</p"),
    *("[a]: /u", "$$", "|a|b|\n|-|-|", "py", "<style>", "</textarea>", "\u2028", "\u00a0", "\x0c"),
]

_HOSTILE = [
    *("\n", "a\n", "> ", "- ", "* ", "```\n", "<b>", "</b>", "<a></b>", "`", "``\n", "<a ", "<a b='", "<!--"),
    *("<div>\n", "<script>", "<?\n", "$$\n", "\t", "a <!-- b\n\n", "- " * 20 + "\n", "".join(_PIECES)),
]


def _document(content: str) -> str:
    return (
        f"# Room\n\n---\n\n## **You** (now)\n\n{content}\n{closing_lines(content)}"
        "\n---\n\n## **Gemini** (now)\n\nThe last words.\n"
    )


def _headings(document: str) -> list[str]:
    """The headings on the top level that are not the message's own."""
    tokens = _READER.parse(document)
    found = [
        tokens[place + 1].content
        for place, token in enumerate(tokens)
        if token.type == "heading_open" and token.level == 0
    ]
    return [heading for heading in found if heading.startswith(("**You**", "**Gemini**"))]


@pytest.mark.parametrize("content", [*_LEFT_OPEN.values(), *_WHOLE.values()])
def test_the_next_heading_is_a_heading(content: str) -> None:
    document = _document(content)
    assert _headings(document) == ["**You** (now)", "**Gemini** (now)"]
    assert content in document
    assert _READER.parse(document)[-2].content == "The last words."


@given(st.lists(st.sampled_from(_PIECES), max_size=20).map("".join))
@example("- # h\nb\n  ```")
@example("a\n-     c\nb\n  ```")
@example("1. a\n  ```")
@example("1. a\n   ```")
@example("- a\nb\n  ```")
@example("> a\n2. x\n   ```")
@example("-\n\n  ```")
@settings(max_examples=1500, deadline=None)
def test_no_message_hides_the_next_heading(content: str) -> None:
    """Red with each of the rules about blocks left out."""
    assert _headings(_document(content)) == ["**You** (now)", "**Gemini** (now)"]


@pytest.mark.parametrize("content", _WHOLE.values(), ids=_WHOLE.keys())
def test_nothing_is_added_to_what_leaves_nothing_open(content: str) -> None:
    """Red when tags in code are taken for tags, or when a nested fence is closed once more."""
    assert closing_lines(content) == ""


class _Elements(HTMLParser):
    """Notes the elements around each heading of the second level."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.around_headings: list[list[str]] = []

    def handle_starttag(self, tag: str, _attributes: object) -> None:
        if tag == "h2":
            self.around_headings.append(list(self.open))
        if tag not in ("hr", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            while self.open.pop() != tag:
                pass


@pytest.mark.parametrize("content", _LEFT_OPEN.values(), ids=_LEFT_OPEN.keys())
def test_shown_as_a_page_the_next_heading_is_inside_nothing(content: str) -> None:
    """Red when an open element is left open: the rest of the room would be folded away in it."""
    page = _Elements()
    page.feed(_READER.render(_document(content)))
    page.close()
    assert page.around_headings[-1] == []


@pytest.mark.parametrize("piece", _HOSTILE, ids=ascii)
def test_a_long_message_takes_time_by_its_length(piece: str) -> None:
    """A second or two for the longest reply there can be. Red when anything takes the square: minutes."""
    begun = time.process_time()
    closing_lines((piece * 300_000)[:300_000] + "<```")
    assert time.process_time() - begun < 15


def _store(stack: Stack, person: Person, room: str, contents: list[str]) -> None:
    """Put exchanges into a room: a message and a reply that was cut of each content."""
    for place, content in enumerate(contents):
        asked = uuid.uuid4()
        for id_, position, role, reply_to, finish_reason in (
            (asked, 2 * place + 1, "user", None, None),
            (uuid.uuid4(), 2 * place + 2, "model", asked, "MAX_TOKENS"),
        ):
            stack.database.run(
                "INSERT INTO messages (id, chatroom_id, user_id, position, role, reply_to, status, content,"
                " finish_reason, created_at, superseded, attempt, retries, losses)"
                " VALUES (%s, %s, %s, %s, %s, %s, 'completed', %s, %s, now(), false, 0, 0, 0)",
                *(id_, uuid.UUID(room), uuid.UUID(person.id), position, role, reply_to),
                *(content, finish_reason),
            )


def test_every_heading_of_an_exported_room_is_a_heading(stack: Stack, person: Person) -> None:
    """Each content both as a message and as a reply that was cut. Red when nothing is closed."""
    contents = list(_LEFT_OPEN.values())
    room = person.open_room(title="~~~ <details>", description="About\n\n```\ncode")
    _store(stack, person, room, contents)
    text = person.http.get(f"/chatroom/{room}/export?format=markdown").content.decode()
    speakers = [heading.partition(" (")[0] for heading in _headings(text)]
    assert speakers == ["**You**", "**Gemini**"] * len(_LEFT_OPEN)
    at = 0
    said = [content for content in contents for _ in range(2)]
    for content in said:
        at = text.index(f"\n\n{content}\n", at) + 1
    exported = person.http.get(f"/chatroom/{room}/export").json()["messages"]
    assert [message["content"] for message in exported] == said


def test_exporting_long_hostile_messages_keeps_nobody_waiting(stack: Stack, person: Person) -> None:
    """Red when they are read between the other requests."""
    room = person.open_room()
    _store(stack, person, room, [("a\n" * 150_000)[:300_000] + "```"] * 4)
    with others_waiting(stack) as others:
        text = person.http.get(f"/chatroom/{room}/export?format=markdown").text
    assert text.count("\n\n---\n\n## **") == 8
    others.assert_served_within(1.0)
