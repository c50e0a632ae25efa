"""A Markdown export closes whatever a message leaves open: each heading of the room is a heading."""

import time
import uuid

import hypothesis.strategies as st
import pytest
from hypothesis import example, given, settings

from app.services.chat.markdown_closing import closing_lines
from tests.support.markdown_documents import LEFT_OPEN, document, headings
from tests.support.others import others_waiting
from tests.support.stack import Stack
from tests.support.user import User

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
    """Red when any of the rules about blocks is missing."""
    assert headings(document(content)) == ["**You** (now)", "**Gemini** (now)"]


@pytest.mark.parametrize("piece", _HOSTILE, ids=ascii)
def test_closing_a_long_message_takes_linear_time(piece: str) -> None:
    """One or two seconds for the longest possible reply. Red when any step is quadratic: minutes."""
    begun = time.process_time()
    closing_lines((piece * 300_000)[:300_000] + "<```")
    assert time.process_time() - begun < 15


def _store(stack: Stack, user: User, room: str, contents: list[str]) -> None:
    """Store an exchange for each content, as the message and as a reply that was cut off."""
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
                *(id_, uuid.UUID(room), uuid.UUID(user.id), position, role, reply_to),
                *(content, finish_reason),
            )


def test_every_heading_of_an_exported_room_is_a_heading(stack: Stack, user: User) -> None:
    """Each content occurs as a message and as a reply that was cut off. Red when nothing is closed."""
    contents = list(LEFT_OPEN.values())
    room = user.open_room(title="~~~ <details>", description="About\n\n```\ncode")
    _store(stack, user, room, contents)
    text = user.http.get(f"/chatroom/{room}/export?format=markdown").content.decode()
    speakers = [heading.partition(" (")[0] for heading in headings(text)]
    assert speakers == ["**You**", "**Gemini**"] * len(LEFT_OPEN)
    at = 0
    said = [content for content in contents for _ in range(2)]
    for content in said:
        at = text.index(f"\n\n{content}\n", at) + 1
    exported = user.http.get(f"/chatroom/{room}/export").json()["messages"]
    assert [message["content"] for message in exported] == said


def test_exporting_long_hostile_messages_does_not_block_other_requests(stack: Stack, user: User) -> None:
    """Red when they are formatted in the event loop."""
    room = user.open_room()
    _store(stack, user, room, [("a\n" * 150_000)[:300_000] + "```"] * 4)
    with others_waiting(stack) as others:
        text = user.http.get(f"/chatroom/{room}/export?format=markdown").text
    assert text.count("\n\n---\n\n## **") == 8
    others.assert_served_within(1.0)
