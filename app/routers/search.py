"""Searching one's messages."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.dependencies import Cursor, Limit, Services, User
from app.errors import CursorInvalid, MethodNotAllowed, ValidationFailed
from app.kit.paging import DEFAULT_PAGE
from app.openapi import error_responses
from app.schemas.search import SearchPage, SearchWords

router = APIRouter(prefix="/chatroom/search", tags=["chatrooms"])

_NOT_GET = ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
_Words = Annotated[
    SearchWords,
    Query(
        description="Words that all have to be in a message. Capital letters and the vowel marks of Arabic"
        " and Hebrew make no difference. A word without accents is found with any; one with accents as it is,"
        " and without them only when no message has all words as they are."
    ),
]


@router.get(
    "",
    operation_id="search_messages",
    summary="Search messages",
    responses=error_responses(ValidationFailed, CursorInvalid, signed_in=True),
)
async def search_messages(
    q: _Words, user: User, services: Services, limit: Limit = DEFAULT_PAGE, cursor: Cursor = None
) -> SearchPage:
    """Find the user's messages and replies with these words in all chatrooms, newest first.

    A reply is found once it has ended; the first 50,000 characters of each are searched. At most
    ten words are looked for, the others are ignored; in scripts without blanks, such as Chinese, two
    neighbouring characters count as one.
    """
    return await services.search.search(user.id, q, cursor=cursor, limit=limit)


@router.api_route("", methods=_NOT_GET, include_in_schema=False)
async def refuse_other_methods() -> None:
    """Without this `search` would be taken for the id of a chatroom, which other methods have."""
    raise MethodNotAllowed(allowed=("GET", "HEAD"))
