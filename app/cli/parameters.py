"""Types of parameters that several commands have."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import click

_SPAN: Final = re.compile(r"(\d{1,6})(s|m|h|d)")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


class Duration(click.ParamType[timedelta]):
    """A time such as 90s, 30m, 2h or 7d."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Parse it."""
        if isinstance(value, timedelta):
            return value
        if not (found := _SPAN.fullmatch(str(value))):
            self.fail("must be a number with s, m, h or d, such as 90s, 30m, 2h or 7d", param, ctx)
        return timedelta(**{_UNITS[found[2]]: int(found[1])})


class Moment(click.ParamType[datetime]):
    """A date, which means its beginning in UTC, or a time with its zone."""

    name = "date"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Parse it."""
        if isinstance(value, datetime):
            return value
        moment = _moment_of(str(value))
        if moment is None:
            self.fail("must be a date such as 2027-06-30, or a time such as 2027-06-30T12:00:00Z", param, ctx)
        return moment


def _moment_of(text: str) -> datetime | None:
    try:
        if _DATE.fullmatch(text):
            return datetime.combine(date.fromisoformat(text), time(), UTC)
        moment = datetime.fromisoformat(text)
        return None if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


DURATION: Final = Duration()
MOMENT: Final = Moment()
LIMIT: Final = click.IntRange(1, 10_000)
