"""Search in the messages, and export of a room."""

from typing import Final

from devtools.postman.model import A_TIME, SOME_TEXT, Assertion, Folder, Request, count, differs_from, matches

_FOUND: Final = 'hits.find((hit) => hit.snippet.startsWith("Hello!"))'

FOLDER: Final = Folder(
    "Search and export",
    "Full-text search over the user's own messages, and a room as a file.",
    (
        Request(
            name="Search",
            operation="search_messages",
            status=200,
            text="Every word has to be in the message, in any order. The snippet is HTML with no markup "
            "but `<mark>`.",
            query={"q": "baltic"},
            checks={
                "the message, the word in it marked": {
                    f"{_FOUND}.snippet": "Hello! My favourite sea is the <mark>Baltic</mark>.",
                    f"{_FOUND}.chatroom_id": "{{chatroom_id}}",
                    f"{_FOUND}.message_id": "{{message_id}}",
                    f"{_FOUND}.created_at": A_TIME,
                    "next_cursor": None,
                }
            },
        ),
        Request(
            name="Search, a page of one",
            operation="search_messages",
            status=200,
            query={"q": "sea", "limit": "1"},
            checks={"one hit, and more to come": {"hits": count(1), "next_cursor": SOME_TEXT}},
            keep={"cursor": "next_cursor", "hit_id": "hits[0].message_id"},
        ),
        Request(
            name="Search, the page after it",
            operation="search_messages",
            status=200,
            query={"q": "sea", "limit": "1", "cursor": "{{cursor}}"},
            checks={"another hit": {"hits": count(1), "hits[0].message_id": differs_from("{{hit_id}}")}},
        ),
        Request(
            name="Search for words that no message has",
            operation="search_messages",
            status=200,
            query={"q": "baltic submarine"},
            checks={"nothing": {"": {"hits": [], "next_cursor": None}}},
        ),
        Request(
            name="Export the room as JSON",
            operation="export_chatroom",
            status=200,
            checks={
                "the room with all its messages, oldest first": {
                    "chatroom.id": "{{chatroom_id}}",
                    "messages.length === body.chatroom.message_count": True,
                    "messages[0].role": "user",
                },
                "a file": {"Content-Disposition": matches(r'^attachment; filename=".+\.json"')},
            },
        ),
        Request(
            name="Export the room as Markdown",
            operation="export_chatroom",
            status=200,
            query={"format": "markdown"},
            checks={
                "a text to read": {
                    "Content-Type": "text/markdown; charset=utf-8",
                    "text()": Assertion(
                        'to.match(/^# /).and.include("**You** (").and.include("**Gemini** (")'
                    ),
                }
            },
        ),
    ),
)
