"""Blocks and elements that a message leaves open are closed before the next heading of an export."""

from html.parser import HTMLParser

import pytest

from app.services.chat.markdown_closing import closing_lines
from tests.support.markdown_documents import LEFT_OPEN, READER, document, headings

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


@pytest.mark.parametrize("content", [*LEFT_OPEN.values(), *_WHOLE.values()])
def test_the_next_heading_is_a_heading(content: str) -> None:
    text = document(content)
    assert headings(text) == ["**You** (now)", "**Gemini** (now)"]
    assert content in text
    assert READER.parse(text)[-2].content == "The last words."


@pytest.mark.parametrize("content", _WHOLE.values(), ids=_WHOLE.keys())
def test_nothing_is_added_to_a_complete_text(content: str) -> None:
    """Red when tags in code count as tags, or when a nested fence is closed twice."""
    assert closing_lines(content) == ""


class _Elements(HTMLParser):
    """Records the elements around each heading of the second level."""

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


@pytest.mark.parametrize("content", LEFT_OPEN.values(), ids=LEFT_OPEN.keys())
def test_in_the_rendered_page_the_next_heading_is_inside_no_element(content: str) -> None:
    """Red when an element stays open: the rest of the room would be hidden in it."""
    page = _Elements()
    page.feed(READER.render(document(content)))
    page.close()
    assert page.around_headings[-1] == []
