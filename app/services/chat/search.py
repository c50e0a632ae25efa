"""Searching: a person's own messages by their words."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from app.errors import ValidationFailed
from app.kit.paging import CursorSigner
from app.repositories.search import MAX_ID
from app.schemas.search import SearchHit, SearchPage
from app.services.chat.snippet import Marker
from app.unit_of_work import UnitOfWork

_STRIPPED_FORM: Final = "2"
"""Marks the cursor of a list that goes on with the second choice."""
_MAX_TERMS: Final = 10
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

    async def search(self, user_id: UUID, query: str, *, cursor: str | None, limit: int) -> SearchPage:
        """A page of messages with the first ten words of what was query for, newest first, from `cursor` on.

        A word without accents is found with any; one with accents as it is. When nothing has the words as
        they are, the second choice are messages with these words without accents.

        Raises:
            ValidationFailed: there is no word in it.
            CursorInvalid: not of this person's search for this.
        """
        scope = f"search:{user_id}:{query!a}"  # on one line, whatever was typed
        before, *choice = [str(MAX_ID)] if cursor is None else self.cursors.read(scope, cursor)
        async with self.uow.autocommit() as tx:
            words = await tx.search.words(query)
            if not words.folded:
                raise ValidationFailed(members={"errors": [_NO_WORD]})
            former, wanted, plain = (
                _first_of(form, query) for form in (words.former, words.folded, words.stripped)
            )
            ids: Sequence[UUID] = []
            if not choice:
                either = [wanted] if former == wanted else [wanted, former]
                ids = await tx.search.newest(user_id, either, before=UUID(before), limit=limit + 1)
                if not ids and cursor is None and plain and plain != wanted:
                    choice = [_STRIPPED_FORM]
            if choice:
                wanted = plain
                ids = await tx.search.newest(user_id, [plain], before=UUID(before), limit=limit + 1)
            page = self.cursors.page(
                scope, ids, limit=limit, position=lambda message_id: (str(message_id), *choice)
            )
            found = await tx.search.messages(user_id, page.rows, wanted)
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

        # A hundred passages take a while, in which the process has others to serve.
        return SearchPage(hits=await asyncio.to_thread(hits), next_cursor=page.next_cursor)


def _first_of(words: Sequence[str], query: str) -> Sequence[str]:
    """Return the ten words that stand first in what was typed, or all if there are no more."""
    if len(words) <= _MAX_TERMS:
        return words
    return Marker.of(words).first(_MAX_TERMS, query) or words[:_MAX_TERMS]
