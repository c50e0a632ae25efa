"""SQL text with named parameters, translated once to the numbered ones of PostgreSQL's protocol."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import itemgetter

_PARAMETER = re.compile(
    r"""
    --[^\n]* | /\*.*?\*/          # comments,
    | '(?:[^']|'')*' | "[^"]*"    # literals and quoted names,
    | ::                          # and casts are no parameters
    | :(?P<name>[a-z_]\w*)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement as the server receives it, and its values in the order of their numbers."""

    text: str
    arguments: Callable[[Mapping[str, object]], tuple[object, ...]]
    """Return the values of all parameters; KeyError if one is missing."""

    @classmethod
    def of(cls, sql: str, **types: str) -> "Statement":
        """Translate each `:name` to a number, cast to its PostgreSQL type as in psql (`:name::type`).

        Comments, literals and quoted names stay as they are.

        Raises:
            ValueError: a parameter has no type, or a type no parameter.
        """
        numbers = {name: f"${number}::{type_}" for number, (name, type_) in enumerate(types.items(), start=1)}
        found: set[str] = set()

        def translate(match: re.Match[str]) -> str:
            name = match["name"]
            if name is None:
                return match[0]
            found.add(name)
            return numbers.get(name, "")

        text = _PARAMETER.sub(translate, sql)
        if found != numbers.keys():
            message = f"parameters without a type, or the reverse: {sorted(found ^ numbers.keys())}"
            raise ValueError(message)
        return cls(text, _getter(tuple(numbers)))


def _getter(names: tuple[str, ...]) -> Callable[[Mapping[str, object]], tuple[object, ...]]:
    """Return a function that reads these names in order; it always returns a tuple."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: tuple(values[name] for name in names)
