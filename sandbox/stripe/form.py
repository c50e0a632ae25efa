"""Form encoding with brackets, as in `line_items[0][price]=…`, decoded into nested names."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

from sandbox.stripe.problems import StripeError

MOST_FIELDS = 1_000
DEEPEST = 8
NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)\Z")

Form = dict[str, "str | Form"]


def decoded(encoded: bytes) -> Form:
    """Decode a body or a query; lists stay names that are numbers: only the reader knows what is a list."""
    try:
        fields = parse_qsl(
            encoded.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS
        )
    except ValueError:
        raise StripeError(400, "Invalid request: it is not form-encoded UTF-8.") from None
    form: Form = {}
    for name, value in fields:
        _put(form, _path(name), value)
    return form


def _path(name: str) -> list[str]:
    found = NAME.match(name)
    if found is None:
        raise StripeError(400, f"Invalid parameter name: {name}", param=name)
    path = [found[1], *re.findall(r"\[([^\[\]]*)\]", found[2])]
    if len(path) > DEEPEST:
        raise StripeError(400, f"Parameters are nested too deeply: {name}", param=name)
    return path


def _put(form: Form, path: list[str], value: str) -> None:
    here = form
    for step in path[:-1]:
        below = here.setdefault(step or str(len(here)), {})
        if isinstance(below, str):
            raise StripeError(400, "Invalid object", param=path[0])
        here = below
    last = path[-1] or str(len(here))
    if isinstance(here.get(last), dict):
        raise StripeError(400, "Invalid object", param=path[0])
    here[last] = value
