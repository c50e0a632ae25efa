"""Searching: a person's own messages by their words."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from app.errors import ValidationFailed
from app.repositories.search import BEFORE_NOTHING, FoundMessage
from app.schemas.search import SearchHit, SearchPage
from app.services.paging import CursorSigner
from app.services.search_query import Phrase, SearchQuery, read_back, typed
from app.services.snippet import snippet
from app.unit_of_work import Transaction, UnitOfWork

_NO_WORD: Final = {"pointer": "/query/q", "message": "must contain a letter or digit to search for"}


@dataclass(frozen=True, slots=True)
class SearchService:
    """A person's messages by their words."""

    uow: UnitOfWork
    cursors: CursorSigner

    async def search(self, user_id: UUID, asked: str, *, cursor: str | None, limit: int) -> SearchPage:
        """A page of messages with what was asked for, newest first, from `cursor` on.

        Raises:
            ValidationFailed: there is no word in it.
            CursorInvalid: not of this person's search for this.
        """
        scope = f"search:{user_id}:{asked!a}"  # on one line, whatever was typed
        before = BEFORE_NOTHING if cursor is None else UUID(self.cursors.read(scope, cursor)[0])
        async with self.uow.single() as tx:
            query = read_back(await tx.search.parse(typed(asked)), owner=user_id)
            if query is None:
                raise ValidationFailed(members={"errors": [_NO_WORD]})
            ids, behind = await self._page(tx, user_id, query, before, limit)
            found = await tx.search.messages(user_id, ids)
        next_cursor = None if behind is None else self.cursors.make(scope, str(behind))
        # A hundred long messages take a while, in which the process has others to serve.
        hits = await asyncio.to_thread(lambda: [_hit(message, query.wanted) for message in found])
        return SearchPage(hits=hits, next_cursor=next_cursor)

    async def _page(
        self, tx: Transaction, user_id: UUID, query: SearchQuery, before: UUID, limit: int
    ) -> tuple[list[UUID], UUID | None]:
        """Up to `limit` hits, and the place behind which there may be more."""
        ids = await tx.search.among_newest(user_id, query.words, before=before, limit=limit + 1)
        behind = None
        if len(ids) <= limit:
            older = await tx.search.among_all(user_id, query.words, before=before, limit=limit + 1)
            ids, behind = older.ids, older.looked_up_to
        page = list(ids[:limit])
        return page, page[-1] if len(ids) > limit else behind


def _hit(message: FoundMessage, wanted: Sequence[Phrase]) -> SearchHit:
    return SearchHit(
        chatroom_id=message.chatroom_id,
        message_id=message.id,
        snippet=snippet(message.content, wanted),
        created_at=message.created_at,
    )
