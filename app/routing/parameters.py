"""Parameters of a request, read and validated with the fields that FastAPI made of the declarations."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Final, Protocol

from fastapi.dependencies.models import Dependant
from fastapi.requests import Request
from pydantic.fields import FieldInfo

from app.kit.headers import header

Problem = dict[str, object]
"""One problem of a request, in the form of Pydantic's errors."""


class _Missing:
    """The value of a parameter that the request does not have."""


MISSING: Final = _Missing()


class _Field(Protocol):
    """The field of a parameter, as FastAPI makes it."""

    name: str
    field_info: FieldInfo

    @property
    def alias(self) -> str: ...

    def validate(
        self, value: object, values: dict[str, object], *, loc: tuple[str, ...]
    ) -> tuple[object, list[Problem]]: ...


@dataclass(frozen=True, slots=True)
class Parameter:
    """One declared parameter: of the path, the query or the headers, or the body."""

    name: str
    location: tuple[str, ...]
    """Where it is, as problems name it: `("query", "limit")`."""
    read: Callable[[Request, object], object]
    """Returns the value in the request with this body, or `MISSING`."""
    field: _Field

    def value(self, request: Request, body: object, problems: list[Problem]) -> object:
        """Return the valid value or the default; add what is wrong to `problems`."""
        found = self.read(request, body)
        if found is MISSING:
            info = self.field.field_info
            if not info.is_required():
                return deepcopy(info.default)
            problems.append({"type": "missing", "loc": self.location, "msg": "Field required"})
            return None
        value, wrong = self.field.validate(found, {}, loc=self.location)
        problems += wrong
        return value


def parameters_of(dependant: Dependant) -> tuple[Parameter, ...]:
    """Return the parameters in the order of validation; the body comes last."""
    return tuple(_declared(dependant))


def _declared(dependant: Dependant) -> Iterator[Parameter]:
    for field in dependant.path_params:
        yield Parameter(field.name, ("path", field.alias), _from_path(field.alias), field)
    for field in dependant.query_params:
        yield Parameter(field.name, ("query", field.alias), _from_query(field.alias), field)
    for field in dependant.header_params:
        yield Parameter(field.name, ("header", field.alias), _from_headers(field.alias), field)
    for field in dependant.body_params:
        yield Parameter(field.name, ("body",), _body, field)


def _from_path(alias: str) -> Callable[[Request, object], object]:
    def read(request: Request, _body: object) -> object:
        return request.path_params.get(alias, MISSING)

    return read


def _from_query(alias: str) -> Callable[[Request, object], object]:
    def read(request: Request, _body: object) -> object:
        return request.query_params.get(alias, MISSING) if request.scope["query_string"] else MISSING

    return read


def _from_headers(alias: str) -> Callable[[Request, object], object]:
    name = alias.lower().encode("latin-1")

    def read(request: Request, _body: object) -> object:
        value = header(request.scope["headers"], name)
        return MISSING if value is None else value.decode("latin-1")

    return read


def _body(_request: Request, body: object) -> object:
    return body
