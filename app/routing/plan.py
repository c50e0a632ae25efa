"""The order in which the dependencies of a route are solved, made once for all of its requests."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from inspect import isasyncgenfunction, iscoroutinefunction
from typing import Final, cast

from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import _solve_generator  # cleans up like FastAPI, also when cancelled
from fastapi.exceptions import RequestValidationError
from fastapi.requests import Request
from fastapi.responses import Response

from app.routing.parameters import Parameter, Problem, parameters_of

_Call = Callable[..., Awaitable[object]]


class _Unsolved:
    """The value of a dependency with a parameter that is not valid."""


_UNSOLVED: Final = _Unsolved()


@dataclass(frozen=True, slots=True)
class _Step:
    """A dependency, or the route's function at the end, with all that its arguments are made of."""

    dependant: Dependant
    call: _Call
    is_generator: bool
    solved: tuple[tuple[str, int], ...]
    """Arguments that are the values of earlier steps."""
    required: tuple[int, ...]
    """All earlier steps that this one needs, also those that are no argument."""
    parameters: tuple[Parameter, ...]
    takes_request: tuple[str, ...]
    takes_response: tuple[str, ...]

    def arguments(
        self,
        request: Request,
        response: Response | None,
        body: object,
        values: list[object],
        problems: list[Problem],
    ) -> dict[str, object] | None:
        """Return the arguments, or None if one of them is not valid."""
        earlier = len(problems)
        arguments = {name: values[index] for name, index in self.solved}
        for parameter in self.parameters:
            arguments[parameter.name] = parameter.value(request, body, problems)
        if len(problems) > earlier or (
            earlier and any(values[index] is _UNSOLVED for index in self.required)
        ):
            return None
        for name in self.takes_request:
            arguments[name] = request
        for name in self.takes_response:
            arguments[name] = response
        return arguments

    async def run(self, request: Request, arguments: dict[str, object]) -> object:
        """Return the dependency's value; what a generator does after its `yield` runs after the response."""
        if not self.is_generator:
            return await self.call(**arguments)
        stack: AsyncExitStack = request.scope["fastapi_inner_astack"]
        return await _solve_generator(
            request=request, dependant=self.dependant, stack=stack, sub_values=arguments
        )


class Plan:
    """Solves dependencies in FastAPI's order, each once a request.

    Supports what this API declares: coroutines, asynchronous generators and callable objects with parameters
    of path, query, headers and one JSON body. Other declarations are refused at the start of the process.
    """

    def __init__(self, dependant: Dependant) -> None:
        self._steps: list[_Step] = []
        self._index: dict[object, int] = {}
        self._add(dependant)
        *self._dependencies, self._function = self._steps

    @property
    def query_names(self) -> frozenset[str]:
        """The names of all query parameters."""
        places = (parameter.location for step in self._steps for parameter in step.parameters)
        return frozenset(name for place, *names in places if place == "query" for name in names)

    @property
    def takes_response(self) -> bool:
        """Whether a function sets the status or headers of the response that it does not return."""
        return any(step.takes_response for step in self._steps)

    async def run(self, request: Request, response: Response | None, body: object) -> object:
        """Solve the dependencies, call the route's function and return its result.

        Raises:
            RequestValidationError: parameters or the body are not valid; the route's function is not called.
        """
        values: list[object] = []
        problems: list[Problem] = []
        for step in self._dependencies:
            arguments = step.arguments(request, response, body, values, problems)
            values.append(_UNSOLVED if arguments is None else await step.run(request, arguments))
        arguments = self._function.arguments(request, response, body, values, problems)
        if arguments is None:
            raise RequestValidationError(problems)
        return await self._function.call(**arguments)

    def _add(self, dependant: Dependant) -> int:
        """Add the step and those before it, unless an equal one is known; return its index."""
        if dependant.call in self._index:
            return self._index[dependant.call]
        needed = [(each.name, self._add(each)) for each in dependant.dependencies]
        if problem := next(_unsupported(dependant), None):
            raise TypeError(f"{dependant.call}: {problem}")
        step = _Step(
            dependant=dependant,
            call=cast(_Call, dependant.call),
            is_generator=isasyncgenfunction(dependant.call),
            solved=tuple((name, index) for name, index in needed if name is not None),
            required=tuple(index for _, index in needed),
            parameters=parameters_of(dependant),
            takes_request=_names(dependant.request_param_name, dependant.http_connection_param_name),
            takes_response=_names(dependant.response_param_name),
        )
        self._steps.append(step)
        return self._index.setdefault(dependant.call, len(self._steps) - 1)


def _names(*names: str | None) -> tuple[str, ...]:
    return tuple(name for name in names if name is not None)


def _unsupported(dependant: Dependant) -> Iterator[str]:
    """Yield what this dependant declares and a plan does not support."""
    call = dependant.call
    if not any(map(iscoroutinefunction, (call, type(call).__call__))) and not isasyncgenfunction(call):
        yield "is no coroutine"
    if dependant.cookie_params or len(dependant.body_params) > 1:
        yield "has cookies or several bodies"
    if dependant.background_tasks_param_name or dependant.security_scopes_param_name:
        yield "takes background tasks or security scopes"
    if dependant.scope == "function" and isasyncgenfunction(call):
        yield "ends before the response"
    if not dependant.use_cache or dependant.concurrency is not None:
        yield "is not shared within a request"
