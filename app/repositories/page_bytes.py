"""Pages limited by the bytes of their texts as well as by the number of rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, UnaryExpression, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, aliased, undefer

PAGE_BYTES: Final = 256 * 1024
"""Maximum bytes of text in a page of a response."""
DOWNLOAD_PAGE_BYTES: Final = 128 * 1024
"""Maximum bytes of text that a download reads at once."""

_Row = TypeVar("_Row", bound=DeclarativeBase)
Text = InstrumentedAttribute[str] | InstrumentedAttribute[str | None]


@dataclass(frozen=True, slots=True)
class BoundedPage(Generic[_Row]):
    """The rows of a page that fit, at least one if there are any."""

    rows: Sequence[_Row]
    found: int
    """Number of rows of the page without the limit on bytes."""

    def is_last(self, limit: int) -> bool:
        """Whether no rows follow a page of at most `limit` rows."""
        return len(self.rows) == self.found < limit


@dataclass(frozen=True, slots=True)
class BoundedQuery(Generic[_Row]):
    """A query of rows whose texts have at most `max_bytes` bytes together, or of one longer row.

    PostgreSQL knows the length of a text without reading it, so omitted rows cost next to nothing.
    """

    statement: Select[_Row, int]

    @classmethod
    def of(
        cls,
        kind: type[_Row],
        page: Select[_Row],
        *,
        texts: Sequence[Text],
        order: InstrumentedAttribute[object],
        is_descending: bool = False,
        max_bytes: int,
        undeferred: Sequence[Text] = (),
    ) -> "BoundedQuery[_Row]":
        """Limit the bytes of `page`, whose rows are ordered by one column."""
        found = page.subquery("page")

        def ordered(column: ColumnElement[object]) -> UnaryExpression[object]:
            return column.desc() if is_descending else column.asc()

        row_bytes = sum((func.coalesce(func.octet_length(found.c[text.key]), 0) for text in texts), start=0)
        by = ordered(found.c[order.key])
        weighed = select(
            *found.c,
            func.sum(row_bytes).over(order_by=by, rows=(None, 0)).label("bytes_so_far"),
            func.row_number().over(order_by=by).label("number"),
            func.count().over().label("found"),
        ).subquery("weighed")
        row = aliased(kind, weighed)
        return cls(
            select(row, weighed.c.found)
            .where((weighed.c.bytes_so_far <= max_bytes) | (weighed.c.number == 1))
            .order_by(ordered(weighed.c[order.key]))
            .options(*(undefer(getattr(row, text.key)) for text in undeferred))
        )

    async def run(self, session: AsyncSession, values: dict[str, object]) -> BoundedPage[_Row]:
        """Run the query with these parameters."""
        rows = (await session.execute(self.statement, values)).all()
        return BoundedPage([row for row, _ in rows], rows[0][1] if rows else 0)
