"""SQL of searching: the newest messages are looked through, all others come out of the index of words.

That index knows no order: a word of every message would have to be read everywhere before the newest could
be told. And looking through is slow where a word is rare. Each statement leaves the planner one way only,
whatever it believes to know about people and words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Cast,
    Integer,
    ScalarSelect,
    Table,
    Text,
    Uuid,
    bindparam,
    case,
    func,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.functions import Function

from app.models import Chatroom, Message
from app.repositories.search_pattern import first_hit_pattern

RECENT_SCAN_LIMIT: Final = 1_000
"""So many of the newest messages are looked through."""
MAX_ID: Final = UUID(int=2**128 - 1)
"""Where a first page begins."""

PASSAGE: Final = 2_000
"""So many characters of a message are looked through for what a snippet shows."""
_SEARCHED: Final = 50_000  # so much of a message can be found
_BEFORE_HIT: Final = 200
_MOST_BEHIND_HIT: Final = 600

_MESSAGE = cast("Table", Message.__table__)
_ROOM = cast("Table", Chatroom.__table__)
_OWNER = bindparam("owner", type_=Uuid)
_BEFORE = bindparam("before", type_=Uuid)
_MOST = bindparam("most", type_=Integer)


@dataclass(frozen=True, slots=True)
class FoundMessage:
    """A message that was found, and the passage of it that begins before its first hit."""

    id: UUID
    chatroom_id: UUID
    created_at: datetime
    passage: str
    is_cut_before: bool
    is_cut_behind: bool


@dataclass(frozen=True, slots=True)
class QueryTerms:
    """What is query for, in the forms that the words of messages are kept in."""

    former: Sequence[str]
    """As they were kept before there were other forms; some messages may have no other one yet."""
    folded: Sequence[str]
    stripped: Sequence[str]


def _words_of(form: Function[str]) -> Cast[Sequence[str]]:
    return sql_cast(func.tsvector_to_array(func.search_words(form)), ARRAY(Text))


# What is query for is taken apart by the functions that take messages apart.
_FORMER: Function[str] = func.search_text(bindparam("query", type_=Text))
_FOLDED: Function[str] = func.search_folded(_FORMER)
_ASKED_WORDS = select(_words_of(_FORMER), _words_of(_FOLDED), _words_of(func.search_stripped(_FOLDED)))


def _tsquery() -> ScalarSelect[str]:
    """The words as a subquery: so they are no reason for the planner to take another way."""
    return select(sql_cast(bindparam("tsquery", type_=Text), TSQUERY)).scalar_subquery()


# In this order only one index has them: that of the primary key could be walked through everybody's rows.
_NEWEST = (
    select(_MESSAGE.c.user_id, _MESSAGE.c.id, _MESSAGE.c.words)
    .where(
        tuple_(_MESSAGE.c.user_id, _MESSAGE.c.id) < tuple_(_OWNER, _BEFORE),
        _MESSAGE.c.user_id >= _OWNER,
        _MESSAGE.c.words.is_not(None),
    )
    .order_by(_MESSAGE.c.user_id.desc(), _MESSAGE.c.id.desc())
    .limit(literal_column(str(RECENT_SCAN_LIMIT), Integer))  # the planner is to see it
    .subquery("newest")
)
_AMONG_NEWEST = (
    select(_NEWEST.c.id)
    .where(_NEWEST.c.words.bool_op("@@")(_tsquery()))
    .order_by(_NEWEST.c.user_id.desc(), _NEWEST.c.id.desc())
    .limit(_MOST)
)
_FOUND = (
    select(_MESSAGE.c.id, _MESSAGE.c.user_id)
    .where(_MESSAGE.c.words.bool_op("@@")(_tsquery()))  # the owner's mark is one of the words
    .cte("found")
    .prefix_with("MATERIALIZED")
)
_AMONG_ALL = (
    select(_FOUND.c.id)
    .where(_FOUND.c.user_id == _OWNER, _FOUND.c.id < _BEFORE)
    .order_by(_FOUND.c.id.desc())
    .limit(_MOST)
)
_SEARCHABLE = (
    select(
        _MESSAGE.c.id,
        _MESSAGE.c.chatroom_id,
        _MESSAGE.c.created_at,
        func.left(_MESSAGE.c.content, _SEARCHED).label("content"),
    )
    .join(_ROOM, _ROOM.c.id == _MESSAGE.c.chatroom_id)
    .where(
        _MESSAGE.c.id == func.any(bindparam("ids", type_=ARRAY(Uuid))),
        _MESSAGE.c.user_id == _OWNER,
        _ROOM.c.erase_at.is_(None),
    )
    .offset(0)  # so that a content is read once
    .subquery("searchable")
)
_HIT = func.substring(_SEARCHABLE.c.content, bindparam("pattern", type_=Text))
_FIRST_HIT = func.coalesce(func.strpos(_SEARCHABLE.c.content, _HIT), 0)
_PLACED = select(_SEARCHABLE, _FIRST_HIT.label("hit")).offset(0).subquery("placed")
# A hit in compatibility characters, such as ligatures, is only found where a message begins.
_START = case((_PLACED.c.hit > PASSAGE - _MOST_BEHIND_HIT, _PLACED.c.hit - _BEFORE_HIT), else_=1)
_MESSAGES = select(
    _PLACED.c.id,
    _PLACED.c.chatroom_id,
    _PLACED.c.created_at,
    func.substr(_PLACED.c.content, _START, PASSAGE),
    _START > 1,
    func.length(_PLACED.c.content) >= _START + PASSAGE,
).order_by(_PLACED.c.id.desc())


@dataclass(frozen=True, slots=True)
class SearchRepository:
    """Messages of one person by their words."""

    session: AsyncSession

    async def words(self, query: str) -> QueryTerms:
        """Take apart a query."""
        former, folded, stripped = (await self.session.execute(_ASKED_WORDS, {"query": query})).one()
        return QueryTerms(former, folded, stripped)

    async def newest(
        self, user_id: UUID, choices: Sequence[Sequence[str]], *, before: UUID, limit: int
    ) -> Sequence[UUID]:
        """Up to `limit` messages older than `before` with all words of one of these choices, newest first."""
        # Letters and digits: nothing to escape.
        all_words = (" & ".join(f"'{word}'" for word in words) for words in choices)
        values = {
            "owner": user_id,
            "before": before,
            "tsquery": f"'@{user_id}' & ({' | '.join(f'({words})' for words in all_words)})",
            "most": limit,
        }
        found = (await self.session.scalars(_AMONG_NEWEST, values)).all()
        if len(found) < limit:
            found = (await self.session.scalars(_AMONG_ALL, values)).all()
        return found

    async def messages(self, user_id: UUID, ids: Sequence[UUID], words: Sequence[str]) -> list[FoundMessage]:
        """The person's messages of these ids, newest first; those deleted meanwhile are missing."""
        values = {"owner": user_id, "ids": list(ids), "pattern": first_hit_pattern(words)}
        rows = await self.session.execute(_MESSAGES, values)
        return [FoundMessage(*row) for row in rows]
