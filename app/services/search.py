"""Searching: a person's own messages by their words."""

import asyncio
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from app.errors import ValidationFailed
from app.repositories.search import BEFORE_NOTHING
from app.schemas.search import SearchHit, SearchPage
from app.services.paging import CursorSigner
from app.services.snippet import Marker
from app.unit_of_work import UnitOfWork

_OWNERS_MARK: Final = "@"
_MOST_WORDS: Final = 10
_NO_WORD: Final = {
    "pointer": "/query/q",
    "code": "no_word",
    "message": "must contain a letter or digit to search for",
}


@dataclass(frozen=True, slots=True)
class SearchService:
    """A person's messages by their words."""

    uow: UnitOfWork
    cursors: CursorSigner

    async def search(self, user_id: UUID, asked: str, *, cursor: str | None, limit: int) -> SearchPage:
        """A page of messages with the first ten words of what was asked for, newest first, from `cursor` on.

        Raises:
            ValidationFailed: there is no word in it.
            CursorInvalid: not of this person's search for this.
        """
        scope = f"search:{user_id}:{asked!a}"  # on one line, whatever was typed
        before = BEFORE_NOTHING if cursor is None else UUID(self.cursors.read(scope, cursor)[0])
        async with self.uow.single() as tx:
            words = await tx.search.words(user_id, asked)
            wanted = [word for word in words if not word.startswith(_OWNERS_MARK)]
            if not wanted:
                raise ValidationFailed(members={"errors": [_NO_WORD]})
            if len(wanted) > _MOST_WORDS:
                first = Marker.of(wanted).first(_MOST_WORDS, asked)
                wanted = first or wanted[:_MOST_WORDS]
            owner = [word for word in words if word.startswith(_OWNERS_MARK)]
            ids = await tx.search.newest(user_id, [*owner, *wanted], before=before, limit=limit + 1)
            page, more = ids[:limit], len(ids) > limit
            found = await tx.search.messages(user_id, page, wanted)
        marker = Marker.of(wanted)

        def hits() -> list[SearchHit]:
            return [
                SearchHit(
                    chatroom_id=message.chatroom_id,
                    message_id=message.id,
                    snippet=marker.snippet(
                        message.passage,
                        is_cut_before=message.is_cut_before,
                        is_cut_behind=message.is_cut_behind,
                    ),
                    created_at=message.created_at,
                )
                for message in found
            ]

        next_cursor = self.cursors.make(scope, str(page[-1])) if more else None
        # A hundred passages take a while, in which the process has others to serve.
        return SearchPage(hits=await asyncio.to_thread(hits), next_cursor=next_cursor)
