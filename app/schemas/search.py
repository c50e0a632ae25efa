"""Search results."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from app.schemas.base import Moment, Text

SearchQuery = Annotated[Text, Field(min_length=1, max_length=200)]
"""Text to search for."""


class SearchHit(BaseModel):
    """A matching message."""

    chatroom_id: UUID
    message_id: UUID
    snippet: str = Field(
        description="Part of the message around the first match, as HTML. Its only markup is `<mark>…</mark>`"
        " around matches, so it is safe to display."
    )
    created_at: Moment


class SearchPage(BaseModel):
    """Hits, newest first."""

    hits: list[SearchHit]
    next_cursor: str | None
