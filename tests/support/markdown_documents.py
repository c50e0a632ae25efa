"""Markdown texts that leave something open, and the document that an export makes of them."""

from markdown_it import MarkdownIt

from app.services.chat.markdown_closing import closing_lines

READER = MarkdownIt("commonmark").enable("table")
LEFT_OPEN = {
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


def document(content: str) -> str:
    """Return an exported room with this message and a short reply."""
    return (
        f"# Room\n\n---\n\n## **You** (now)\n\n{content}\n{closing_lines(content)}"
        "\n---\n\n## **Gemini** (now)\n\nThe last words.\n"
    )


def headings(document: str) -> list[str]:
    """Return the top-level headings that are not part of the message."""
    tokens = READER.parse(document)
    found = [
        tokens[place + 1].content
        for place, token in enumerate(tokens)
        if token.type == "heading_open" and token.level == 0
    ]
    return [heading for heading in found if heading.startswith(("**You**", "**Gemini**"))]
