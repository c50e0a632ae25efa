"""What searching finds."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from app.schemas.base import Moment, Text

SearchWords = Annotated[Text, Field(min_length=1, max_length=200)]
"""What a person types to find something."""


class SearchHit(BaseModel):
    """A message that was found."""

    chatroom_id: UUID
    message_id: UUID
    snippet: str = Field(
        description="The part of the message around what was found: HTML in which nothing but"
        " `<mark>…</mark>` around the hits is markup, so it is safe to show as it is."
    )
    created_at: Moment


class SearchPage(BaseModel):
    """Hits, newest first."""

    hits: list[SearchHit]
    next_cursor: str | None
