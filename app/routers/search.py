"""Searching one's messages."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.dependencies import Cursor, Limit, Services, User
from app.errors import CursorInvalid, ValidationFailed
from app.openapi import failures
from app.schemas.search import SearchPage, SearchWords
from app.services.paging import DEFAULT_PAGE

router = APIRouter(prefix="/chatroom/search", tags=["chatrooms"])

_Words = Annotated[
    SearchWords,
    Query(
        description='Words that all have to be in a message; `"these words"` have to stand together, `-this`'
        " must not be in it, `this or that` is enough. Capital letters make no difference."
    ),
]


@router.get(
    "",
    operation_id="search_messages",
    responses=failures(ValidationFailed, CursorInvalid, signed_in=True),
)
async def search_messages(
    q: _Words, user: User, services: Services, limit: Limit = DEFAULT_PAGE, cursor: Cursor = None
) -> SearchPage:
    """The caller's messages and replies with these words, newest first, in all chatrooms.

    A reply is found once it has come to its end. A page may have fewer hits than `limit`, or none, and still
    a `next_cursor`: a long history is then not looked through to its beginning.
    """
    return await services.search.search(user.id, q, cursor=cursor, limit=limit)
