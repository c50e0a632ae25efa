"""Distinguish the ordinary lines of a process's log from its warnings, errors and plain prints."""

from __future__ import annotations

import re

# The short lines and JSON of this product, and the formats of uvicorn, Alembic, Celery and Tornado.
ORDINARY = re.compile(
    r"""
      \d\d:\d\d:\d\d [ ] (?! (?: warning | error | critical ) [ ] )
    | \{ .* "level": [ ]? "(?: debug | info )"
    | (?: DEBUG | INFO ) : \s
    | (?: DEBUG | INFO ) \s+ \[
    | \[ [^\]]* [ ] (?: DEBUG | INFO ) /
    | \[ [DI] [ ] \d
    """,
    re.VERBOSE,
)
WARNING_OF_FLOWER = re.compile(r"\[W \d|\d\d:\d\d:\d\d warning ")


class ProblemFilter:
    """Decide for each line of one process whether it belongs to a problem, or was printed without a level.

    An indented line belongs to the line before it. Flower warns whenever no worker answers it in a second,
    so its warnings do not count.
    """

    def __init__(self, name: str) -> None:
        self._is_flower = name == "flower"
        self._shows = True

    def shows(self, line: str) -> bool:
        """Take the next line; True if a developer has to see it."""
        if line.strip() and not line[0].isspace():
            hidden = ORDINARY.match(line) or (self._is_flower and WARNING_OF_FLOWER.match(line))
            self._shows = not hidden
        return self._shows and bool(line.strip())
