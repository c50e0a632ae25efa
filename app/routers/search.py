"""Search in the user's messages."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.dependencies import Cursor, Limit, Services, User
from app.errors import CursorInvalid, MethodNotAllowed, ValidationFailed
from app.kit.paging import DEFAULT_PAGE
from app.openapi import error_responses
from app.routing import Route
from app.schemas.search import SearchPage, SearchQuery

router = APIRouter(prefix="/chatroom/search", tags=["chatrooms"], route_class=Route)

_NOT_GET = ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
_Query = Annotated[
    SearchQuery,
    Query(
        description="Words that a message must all contain. Case and the vowel marks of Arabic and Hebrew are"
        " ignored. A word without accents matches any accents; a word with accents matches as written. If no"
        " message matches, accents are ignored."
    ),
]


@router.get(
    "",
    operation_id="search_messages",
    summary="Search messages",
    responses=error_responses(ValidationFailed, CursorInvalid, signed_in=True),
)
async def search_messages(
    q: _Query, user: User, services: Services, limit: Limit = DEFAULT_PAGE, cursor: Cursor = None
) -> SearchPage:
    """Find the user's messages and replies that contain these words, in all chatrooms, newest first.

    A reply is found once it has ended. The first 50,000 characters of each message are searched. Only the
    first ten words count; in scripts without spaces, such as Chinese, two adjacent characters are a word.
    """
    return await services.search.search(user.id, q, cursor=cursor, limit=limit)


@router.api_route("", methods=_NOT_GET, include_in_schema=False)
async def refuse_other_methods() -> None:
    """Reject other methods here: their routes would read `search` as the id of a chatroom."""
    raise MethodNotAllowed(allowed=("GET", "HEAD"))
