"""Search: a user's messages by their words."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from app.errors import ValidationFailed
from app.kit.paging import CursorSigner
from app.repositories.search import MAX_ID, SearchHitRow
from app.schemas.search import SearchHit, SearchPage
from app.services.chat.snippet import Marker
from app.unit_of_work import UnitOfWork

_STRIPPED: Final = "2"
"""Marks the cursors of a list whose matches are those without accents."""
_MAX_TERMS: Final = 10
_NO_WORD: Final = {
    "pointer": "/query/q",
    "code": "no_word",
    "message": "must contain a letter or digit to search for",
}


@dataclass(frozen=True, slots=True)
class SearchService:
    """Searches a user's messages."""

    uow: UnitOfWork
    cursors: CursorSigner

    async def search(self, user_id: UUID, query: str, *, cursor: str | None, limit: int) -> SearchPage:
        """Return a page of messages with the first ten words of the query, newest first, from `cursor` on.

        A word without accents matches with any accents; one with accents matches as written. If no message
        matches, accents are ignored on both sides.

        Raises:
            ValidationFailed: the query contains no word.
            CursorInvalid: not a cursor of this user's search for this query.
        """
        scope = f"search:{user_id}:{query!a}"  # ASCII, on one line
        before_id, ignores_accents = self.cursors.start(scope, cursor, _position) or (MAX_ID, False)
        async with self.uow.autocommit() as tx:
            terms = await tx.search.parse(query)
            if not terms.folded:
                raise ValidationFailed(members={"errors": [_NO_WORD]})
            legacy, folded, stripped = (
                _first_terms(form, query) for form in (terms.legacy, terms.folded, terms.stripped)
            )
            ids: Sequence[UUID] = ()
            if not ignores_accents:
                alternatives = [folded] if legacy == folded else [folded, legacy]
                ids = await tx.search.find(user_id, alternatives, before_id=before_id, limit=limit + 1)
                ignores_accents = not ids and cursor is None and bool(stripped) and stripped != folded
            if ignores_accents:
                ids = await tx.search.find(user_id, [stripped], before_id=before_id, limit=limit + 1)
            page = self.cursors.page(
                scope,
                ids,
                limit=limit,
                position=lambda message_id: (str(message_id), *([_STRIPPED] if ignores_accents else [])),
            )
            matched = stripped if ignores_accents else folded
            rows = await tx.search.load(user_id, page.rows, matched)
        # In a thread: a hundred snippets would block the event loop noticeably.
        hits = await asyncio.to_thread(_hits, rows, Marker.of(matched))
        return SearchPage(hits=hits, next_cursor=page.next_cursor)


def _position(message_id: str, *form: str) -> tuple[UUID, bool]:
    """Parse a cursor's position: the last message, and whether accents are ignored."""
    return UUID(message_id), bool(form)


def _first_terms(terms: Sequence[str], query: str) -> Sequence[str]:
    """Return the ten terms that come first in the query, or all if there are fewer."""
    if len(terms) <= _MAX_TERMS:
        return terms
    return Marker.of(terms).first(_MAX_TERMS, query) or terms[:_MAX_TERMS]


def _hits(rows: Sequence[SearchHitRow], marker: Marker) -> list[SearchHit]:
    return [
        SearchHit(
            chatroom_id=row.chatroom_id,
            message_id=row.id,
            snippet=marker.snippet(
                row.passage, is_cut_before=row.is_cut_before, is_cut_behind=row.is_cut_behind
            ),
            created_at=row.created_at,
        )
        for row in rows
    ]
