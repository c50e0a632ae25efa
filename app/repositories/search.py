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
    ColumnElement,
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
from sqlalchemy.dialects.postgresql import REGCONFIG, TSQUERY
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Chatroom, Message

LOOKED_THROUGH: Final = 1_000
"""So many of the newest messages are looked through."""
COMPARED: Final = 10_000
"""So many of the messages that have all of a phrase's words are compared with the phrase."""
OPERATOR_MARKS: Final = "\x02\x03"
"""Stand for `"` and `-` where these are operators of a query; anywhere else they are but blanks."""
LETTER_MARK: Final = "\x1f"
"""Around letters of scripts without blanks between words: each is taken for a word."""
BEFORE_NOTHING: Final = UUID(int=2**128 - 1)
"""Where a first page begins."""

_MESSAGE = cast("Table", Message.__table__)
_ROOM = cast("Table", Chatroom.__table__)
_OWNER = bindparam("owner", type_=Uuid)
_BEFORE = bindparam("before", type_=Uuid)
_MOST = bindparam("most", type_=Integer)


@dataclass(frozen=True, slots=True)
class ParsedQuery:
    """What PostgreSQL made of what was typed."""

    text: str
    """Its words as they are compared, letters that are words of their own between `LETTER_MARK`s."""
    query: str
    """The query as PostgreSQL writes it (tsquery); empty when there is no word in it."""


@dataclass(frozen=True, slots=True)
class WordQuery:
    """What is searched for, as PostgreSQL writes queries (tsquery)."""

    exact: str
    indexed: str
    """What the index by itself can tell of it, the owner included; hits are among what this finds."""


@dataclass(frozen=True, slots=True)
class OlderHits:
    """Hits, newest first. `looked_up_to`: there may be more behind this id than were compared."""

    ids: Sequence[UUID]
    looked_up_to: UUID | None


@dataclass(frozen=True, slots=True)
class FoundMessage:
    """A message that was found."""

    id: UUID
    chatroom_id: UUID
    content: str
    created_at: datetime


def _hidden(query: str) -> ScalarSelect[str]:
    """A query as a subquery: its words are no reason for the planner to take another way."""
    return select(sql_cast(bindparam(query, type_=Text), TSQUERY)).scalar_subquery()


def _matches(words: ColumnElement[str | None], query: str) -> ColumnElement[bool]:
    return words.bool_op("@@")(_hidden(query))


_PLAIN = func.search_text(bindparam("asked", type_=Text))
_PARSE = select(
    _PLAIN,
    sql_cast(
        func.websearch_to_tsquery(
            literal_column("'simple'", REGCONFIG), func.translate(_PLAIN, OPERATOR_MARKS, '"-')
        ),
        Text,
    ),
)

# In this order only one index has them: that of the primary key could be walked through everybody's rows.
_NEWEST = (
    select(_MESSAGE.c.user_id, _MESSAGE.c.id, _MESSAGE.c.words)
    .where(
        tuple_(_MESSAGE.c.user_id, _MESSAGE.c.id) < tuple_(_OWNER, _BEFORE),
        _MESSAGE.c.user_id >= _OWNER,
        _MESSAGE.c.words.is_not(None),
    )
    .order_by(_MESSAGE.c.user_id.desc(), _MESSAGE.c.id.desc())
    .limit(literal_column(str(LOOKED_THROUGH), Integer))  # the planner is to see it
    .subquery("newest")
)
_AMONG_NEWEST = (
    select(_NEWEST.c.id)
    .where(_matches(_NEWEST.c.words, "exact_query"))
    .order_by(_NEWEST.c.user_id.desc(), _NEWEST.c.id.desc())
    .limit(_MOST)
)

_FOUND = (
    select(_MESSAGE.c.id)
    .where(_matches(_MESSAGE.c.words, "indexed_query"))
    .cte("found")
    .prefix_with("MATERIALIZED")
)
_COMPARED = (
    select(_FOUND.c.id)
    .where(_FOUND.c.id < _BEFORE)
    .order_by(_FOUND.c.id.desc())
    .limit(literal_column(str(COMPARED), Integer))
    .subquery("compared")
)
_IS_EXACT = (
    select(_matches(_MESSAGE.c.words, "exact_query"))
    .where(_MESSAGE.c.id == _COMPARED.c.id, _MESSAGE.c.user_id == _OWNER)
    .scalar_subquery()
)
_OLDEST_COMPARED = select(_COMPARED.c.id).order_by(_COMPARED.c.id).limit(1).scalar_subquery()
_HOW_MANY = select(func.count()).where(_FOUND.c.id < _BEFORE).scalar_subquery()
_EXACT = select(_COMPARED.c.id).where(_IS_EXACT).order_by(_COMPARED.c.id.desc()).limit(_MOST)
_AMONG_ALL = select(
    func.array(_EXACT.scalar_subquery(), type_=ARRAY(Uuid)),
    case((_HOW_MANY > COMPARED, _OLDEST_COMPARED)),
)
_MESSAGES = (
    select(_MESSAGE.c.id, _MESSAGE.c.chatroom_id, _MESSAGE.c.content, _MESSAGE.c.created_at)
    .join(_ROOM, _ROOM.c.id == _MESSAGE.c.chatroom_id)
    .where(
        _MESSAGE.c.id == func.any(bindparam("ids", type_=ARRAY(Uuid))),
        _MESSAGE.c.user_id == _OWNER,
        _ROOM.c.erase_at.is_(None),
    )
)


@dataclass(frozen=True, slots=True)
class SearchRepository:
    """Messages of one person by their words."""

    session: AsyncSession

    async def parse(self, typed: str) -> ParsedQuery:
        """What a person typed as PostgreSQL understands it; it makes something of anything."""
        return ParsedQuery(*(await self.session.execute(_PARSE, {"asked": typed})).one())

    async def among_newest(
        self, user_id: UUID, query: WordQuery, *, before: UUID, limit: int
    ) -> Sequence[UUID]:
        """Up to `limit` hits among the newest `LOOKED_THROUGH` messages older than `before`, newest first."""
        values = {"owner": user_id, "before": before, "exact_query": query.exact, "most": limit}
        return (await self.session.scalars(_AMONG_NEWEST, values)).all()

    async def among_all(self, user_id: UUID, query: WordQuery, *, before: UUID, limit: int) -> OlderHits:
        """Up to `limit` hits among all messages older than `before`, newest first."""
        values = {
            "owner": user_id,
            "before": before,
            "exact_query": query.exact,
            "indexed_query": query.indexed,
            "most": limit,
        }
        ids, looked_up_to = (await self.session.execute(_AMONG_ALL, values)).one()
        return OlderHits(ids, looked_up_to)

    async def messages(self, user_id: UUID, ids: Sequence[UUID]) -> list[FoundMessage]:
        """The person's messages of these ids, newest first; those deleted meanwhile are missing."""
        rows = await self.session.execute(_MESSAGES, {"owner": user_id, "ids": list(ids)})
        return sorted((FoundMessage(*row) for row in rows), key=lambda found: found.id, reverse=True)
