"""Holds an object against the SDK's own type: what must be there, what may be there, and of which kind."""

from __future__ import annotations

import types
import typing
from decimal import Decimal

import stripe
from stripe._stripe_object import UntypedStripeObject

UNTYPED = {stripe.StripeObject, UntypedStripeObject}


def complaints(found: stripe.StripeObject, path: str = "") -> list[str]:
    """List what the SDK's types do not allow, in the object and in everything below it."""
    kind = type(found)
    path = path or kind.__name__
    known = {
        name: annotation for name, annotation in kind.__annotations__.items() if not _of_the_class(annotation)
    }
    if kind in UNTYPED:
        return []
    names = set(found.to_dict(recursive=False))
    said = [f"{path}.{name} is missing" for name in known if name not in names and not _nullable(known[name])]
    for name in names:
        value, here = found[name], f"{path}.{name}"
        if name == "object" and isinstance(found, stripe.ListObject):
            continue
        if name not in known:
            said.append(f"{here} is unknown to the SDK")
        elif not _fits(value, known[name]):
            said.append(f"{here} is {value!r}, which is no {known[name]}")
        for number, each in enumerate(value if isinstance(value, list) else [value]):
            if type(each) in UNTYPED and "UntypedStripeObject" not in str(known.get(name)):
                said.append(f"{here} is not read as {known.get(name)}")
            if isinstance(each, stripe.StripeObject):
                said += complaints(each, f"{here}[{number}]" if isinstance(value, list) else here)
    return said


def required(kind: type[stripe.StripeObject]) -> set[str]:
    """Name the fields that are neither Optional nor NoneType."""
    return {
        name
        for name, annotation in kind.__annotations__.items()
        if not _of_the_class(annotation) and not _nullable(annotation)
    }


def _of_the_class(annotation: object) -> bool:
    return str(annotation).startswith("typing.ClassVar")


def _choices(annotation: object) -> tuple[object, ...]:
    if typing.get_origin(annotation) in {typing.Union, types.UnionType}:
        return typing.get_args(annotation)
    return (annotation,)


def _nullable(annotation: object) -> bool:
    return type(None) in _choices(annotation)


def _fits(value: object, annotation: object) -> bool:
    choices = _choices(annotation)
    words = [
        word
        for each in choices
        if typing.get_origin(each) is typing.Literal
        for word in typing.get_args(each)
    ]
    if words and isinstance(value, str):
        return value in words  # the SDK also allows any string, for words to come; the sandbox invents none
    return any(_is(value, each) for each in choices)


def _is(value: object, choice: object) -> bool:
    origin = typing.get_origin(choice) or choice
    if isinstance(origin, (str, typing.ForwardRef)):
        return isinstance(value, stripe.StripeObject)
    if origin is typing.Literal:
        return value in typing.get_args(choice)
    if origin is list:
        (inner,) = typing.get_args(choice)
        return isinstance(value, list) and all(
            _fits(each, inner) or isinstance(inner, typing.TypeVar) for each in value
        )
    if origin in {int, Decimal}:
        return isinstance(value, (int, Decimal)) and not isinstance(value, bool)
    if isinstance(origin, type) and issubclass(origin, stripe.StripeObject):
        return isinstance(value, stripe.StripeObject)
    return isinstance(origin, type) and isinstance(value, origin)
