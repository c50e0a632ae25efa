"""Intervals in statements."""

from sqlalchemy import ColumnElement, func
from sqlalchemy.dialects.postgresql import INTERVAL


def seconds(number: ColumnElement[float] | float) -> ColumnElement[object]:
    """Build an interval of so many seconds."""
    return func.make_interval(0, 0, 0, 0, 0, 0, number, type_=INTERVAL)
