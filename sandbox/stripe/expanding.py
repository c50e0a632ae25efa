"""Expansion: with `expand[]`, ids in an answer are replaced by the objects they name."""

from collections.abc import Callable

from pydantic import JsonValue

from sandbox.stripe.problems import Json, StripeError

DEEPEST = 4
Find = Callable[[str], Json | None]


def expanded(body: Json, paths: list[str], find: Find) -> Json:
    """Expand every path, as `latest_invoice` or `data.customer`; a path that leads nowhere is refused."""
    for path in paths:
        steps = path.split(".")
        if len(steps) > DEEPEST:
            raise StripeError(
                400, f"You cannot expand more than {DEEPEST} levels of a property.", param="expand"
            )
        _expand(body, steps, path, find)
    return body


def _expand(body: Json, steps: list[str], path: str, find: Find) -> None:
    name, below = steps[0], steps[1:]
    if name not in body:
        raise _impossible(path)
    value = body[name]
    if isinstance(value, str):
        value = body[name] = find(value)
        if value is None:
            raise _impossible(path)
    elif not below and not (value is None or (isinstance(value, dict) and "id" in value)):
        raise _impossible(path)
    if below:
        for each in value if isinstance(value, list) else [value]:
            _descend(each, below, path, find)


def _descend(value: JsonValue, below: list[str], path: str, find: Find) -> None:
    if isinstance(value, dict):
        _expand(value, below, path, find)
    elif value is not None:
        raise _impossible(path)


def _impossible(path: str) -> StripeError:
    return StripeError(400, f"This property cannot be expanded ({path}).", param="expand[0]")
