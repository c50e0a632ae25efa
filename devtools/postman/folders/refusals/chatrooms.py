"""Rooms, searches and exports that are refused."""

from typing import Final

from devtools.postman.folders.refusals.account import without_token
from devtools.postman.model import Folder, Request, refusal

_NO_ROOM: Final = {"chatroom_id": "018f0000-0000-7000-8000-000000000000"}
_NO_UUID: Final = {"chatroom_id": "not-a-uuid"}
_OWN: Final = {"chatroom_id": "{{second_chatroom_id}}"}
_DELETED: Final = {"chatroom_id": "{{other_chatroom_id}}"}


def _invalid(
    name: str,
    operation: str,
    at: str,
    *,
    body: object = None,
    query: dict[str, str] | None = None,
    path: dict[str, str] | None = None,
) -> Request:
    return refusal(
        name, operation, 400, "validation_failed", at=at, body=body, query=query, path=path or _OWN
    )


def _absent(
    name: str, operation: str, path: dict[str, str], *, body: object = None, bearer: str | None = None
) -> Request:
    return refusal(name, operation, 404, "chatroom_not_found", path=path, body=body, bearer=bearer)


FOLDER: Final = Folder(
    "Chatrooms",
    "Another user's room is answered like one that does not exist.",
    (
        without_token("Create a chatroom", "create_chatroom", body={}),
        _invalid(
            "Create a chatroom, unknown model", "create_chatroom", "/model", body={"model": "no-such-model"}
        ),
        _invalid("Create a chatroom, blank title", "create_chatroom", "/title", body={"title": "   "}),
        Request(
            name="List the chatrooms of the second user, none yet",
            operation="list_chatrooms",
            status=200,
            checks={"an empty list": {"": {"chatrooms": [], "next_cursor": None}}},
        ),
        Request(
            name="Create a room of the second user",
            operation="create_chatroom",
            status=201,
            body={"title": "Songs"},
            checks={"a room": {"title": "Songs"}},
            keep={"second_chatroom_id": "id"},
        ),
        _invalid(
            "List the chatrooms, limit too high", "list_chatrooms", "/query/limit", query={"limit": "1000"}
        ),
        refusal(
            "List the chatrooms, bad cursor",
            "list_chatrooms",
            400,
            "cursor_invalid",
            query={"cursor": "garbage"},
        ),
        _invalid(
            "List the chatrooms, unknown parameter", "list_chatrooms", "/query/page", query={"page": "2"}
        ),
        _absent("Open another user's chatroom", "get_chatroom", {}),
        _absent("Open an unknown chatroom", "get_chatroom", _NO_ROOM),
        _absent("Open a chatroom, id that is no UUID", "get_chatroom", _NO_UUID),
        _absent("Open a deleted chatroom", "get_chatroom", _DELETED, bearer="{{auth_token}}"),
        _invalid("Change nothing of a room", "update_chatroom", "", body={}),
        _invalid("Change to a title of two lines", "update_chatroom", "/title", body={"title": "two\nlines"}),
        _invalid("Change to an unknown model", "update_chatroom", "/model", body={"model": "gpt"}),
        _absent("Change an unknown chatroom", "update_chatroom", _NO_ROOM, body={"title": "Mine"}),
        _absent("Delete a chatroom again", "delete_chatroom", _DELETED, bearer="{{auth_token}}"),
        _absent("Delete a chatroom, id that is no UUID", "delete_chatroom", _NO_UUID),
        refusal(
            "Search, the cursor of other words",
            "search_messages",
            400,
            "cursor_invalid",
            query={"q": "baltic", "cursor": "{{cursor}}"},
        ),
        _invalid("Search for punctuation", "search_messages", "/query/q", query={"q": "!?"}),
        _invalid("Search for too much", "search_messages", "/query/q", query={"q": "a" * 201}),
        without_token("Search", "search_messages", query={"q": "sea"}),
        refusal(
            "Export in an unknown format",
            "export_chatroom",
            400,
            "validation_failed",
            path=_OWN,
            query={"format": "pdf"},
        ),
        _absent("Export an unknown chatroom", "export_chatroom", _NO_ROOM),
    ),
)
