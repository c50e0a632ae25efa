"""SQL of searching. The newest messages are scanned; older ones are read from the index of terms.

Neither way is fast for both common and rare terms, and the planner cannot tell them apart. So each statement
of `sql/search.sql` leaves it a single way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, Boolean, DateTime, Integer, Text, Uuid, bindparam, column, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.repositories.search_pattern import first_hit_pattern
from app.repositories.sql import statement

RECENT_SCAN_LIMIT: Final = 1_000
"""Number of the newest messages that are scanned."""
MAX_ID: Final = UUID(int=2**128 - 1)
"""The id before which a first page starts."""

_SEARCHED_CHARS: Final = 50_000
"""Characters of a message that are indexed."""
_PASSAGE_CHARS: Final = 2_000
_CHARS_BEFORE_MATCH: Final = 200
_CHARS_AFTER_MATCH: Final = 600

_USER_ID = bindparam("user_id", type_=Uuid)
_PARAMETERS = (
    _USER_ID,
    bindparam("before_id", type_=Uuid),
    bindparam("tsquery", type_=Text),
    bindparam("limit", type_=Integer),
)
_PARSE = (
    text(statement("parse_search_query"))
    .bindparams(bindparam("query", type_=Text))
    .columns(column("legacy", ARRAY(Text)), column("folded", ARRAY(Text)), column("stripped", ARRAY(Text)))
)
_SEARCH_RECENT = (
    text(statement("search_recent_messages"))
    .bindparams(
        *_PARAMETERS, bindparam("recent_scan_limit", RECENT_SCAN_LIMIT, Integer, literal_execute=True)
    )
    .columns(column("id", Uuid))
)
_SEARCH_ALL = text(statement("search_all_messages")).bindparams(*_PARAMETERS).columns(column("id", Uuid))
_LOAD_HITS = (
    text(statement("load_search_hits"))
    .bindparams(
        _USER_ID,
        bindparam("ids", type_=ARRAY(Uuid)),
        bindparam("pattern", type_=Text),
        bindparam("searched_chars", _SEARCHED_CHARS, Integer),
        bindparam("passage_chars", _PASSAGE_CHARS, Integer),
        bindparam("chars_before_match", _CHARS_BEFORE_MATCH, Integer),
        bindparam("chars_after_match", _CHARS_AFTER_MATCH, Integer),
    )
    .columns(
        column("id", Uuid),
        column("chatroom_id", Uuid),
        column("created_at", DateTime(timezone=True)),
        column("passage", Text),
        column("is_cut_before", Boolean),
        column("is_cut_behind", Boolean),
    )
)


@dataclass(frozen=True, slots=True)
class SearchHitRow:
    """A matching message, with the passage around its first match."""

    id: UUID
    chatroom_id: UUID
    created_at: datetime
    passage: str
    is_cut_before: bool
    is_cut_behind: bool


@dataclass(frozen=True, slots=True)
class QueryTerms:
    """The terms of a query, in the forms in which messages keep theirs."""

    legacy: Sequence[str]
    """The only form of messages that an earlier version stored and that are not indexed again yet."""
    folded: Sequence[str]
    stripped: Sequence[str]


@dataclass(frozen=True, slots=True)
class SearchRepository:
    """Messages of one user by their terms."""

    session: AsyncSession

    async def parse(self, query: str) -> QueryTerms:
        """Split a query into its terms."""
        legacy, folded, stripped = (await self.session.execute(_PARSE, {"query": query})).one()
        return QueryTerms(legacy, folded, stripped)

    async def find(
        self, user_id: UUID, alternatives: Sequence[Sequence[str]], *, before_id: UUID, limit: int
    ) -> Sequence[UUID]:
        """Find up to `limit` messages with all terms of one alternative, newest first, before an id."""
        # Terms consist of letters and digits: there is nothing to escape.
        all_terms = (" & ".join(f"'{term}'" for term in terms) for terms in alternatives)
        values = {
            "user_id": user_id,
            "before_id": before_id,
            "tsquery": f"'@{user_id}' & ({' | '.join(f'({terms})' for terms in all_terms)})",
            "limit": limit,
        }
        found: Sequence[UUID] = (await self.session.scalars(_SEARCH_RECENT, values)).all()
        if len(found) < limit:
            found = (await self.session.scalars(_SEARCH_ALL, values)).all()
        return found

    async def load(self, user_id: UUID, ids: Sequence[UUID], terms: Sequence[str]) -> list[SearchHitRow]:
        """Load the user's messages of these ids, newest first; deleted ones are missing."""
        values = {"user_id": user_id, "ids": list(ids), "pattern": first_hit_pattern(terms)}
        rows = await self.session.execute(_LOAD_HITS, values)
        return [SearchHitRow(*row) for row in rows]
