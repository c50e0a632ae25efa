"""The JavaScript of a request: the tests of its answer, and what is kept of it."""

import re
from collections.abc import Iterator, Mapping

from devtools.postman.contract import JSON, PROBLEM, Contract, Operation
from devtools.postman.model import Assertion, Checks, Request, javascript

_BODY = "const body = pm.response.json();"


def test_lines(request: Request, operation: Operation | None, contract: Contract) -> list[str]:
    """Return the lines that test the answer and keep what later requests need of it."""
    lines = [*_status(request)]
    if operation is not None and answer_type(request, operation, contract) == JSON:
        lines += _documented_members(list(contract.members(operation, request.status)))
    for sentence, parts in request.checks.items():
        lines += _check(sentence, parts)
    lines += [
        f"pm.collectionVariables.set({javascript(variable)}, {_part(part, 'pm.response.json()')});"
        for variable, part in request.keep.items()
    ]
    return lines


def answer_type(request: Request, operation: Operation, contract: Contract) -> str:
    """Return the media type that the checks name, else the first that the document has for this answer."""
    if request.code:
        return PROBLEM
    named = str(dict(literal_parts(request.checks)).get("Content-Type", "")).partition(";")[0]
    return named or next(iter(contract.media_types(operation, request.status)), "")


def _status(request: Request) -> Iterator[str]:
    if request.statuses:
        allowed = f"pm.expect(pm.response.code).to.be.oneOf({request.statuses})"
        yield f'pm.test("an allowed status", () => {allowed});'
        return
    if not request.code:
        yield f'pm.test("{request.status}", () => pm.response.to.have.status({request.status}));'
        return
    yield f'pm.test("{request.status} {request.code}", () => {{'
    yield f"  pm.response.to.have.status({request.status});"
    yield f"  pm.expect(pm.response.json().code).to.eql({javascript(request.code)});"
    yield "});"


def _documented_members(members: list[tuple[str, bool, list[str]]]) -> Iterator[str]:
    if not members:
        return
    yield 'pm.test("has the documented members", () => {'
    yield f"  {_BODY}"
    for place, is_complete, names in members:
        condition = f"if ({place.partition('[0]')[0]}.length) " if "[0]" in place else ""
        verb = "have.all.keys" if is_complete else "include.all.keys"
        yield f"  {condition}pm.expect({place}).to.{verb}({', '.join(map(javascript, names))});"
    yield "});"


def _check(sentence: str, parts: Mapping[str, object]) -> Iterator[str]:
    yield f"pm.test({javascript(sentence)}, () => {{"
    if any(_is_of_body(part) for part in parts):
        yield f"  {_BODY}"
    for part, expected in parts.items():
        chain = expected.chain if isinstance(expected, Assertion) else f"to.eql({javascript(expected)})"
        yield f"  pm.expect({_part(part, 'body')}, {javascript(part or 'body')}).{chain};"
    yield "});"


def _is_of_body(part: str) -> bool:
    return not part.startswith("text()") and not _is_header(part)


def _is_header(part: str) -> bool:
    return re.match(r"[A-Z]", part) is not None


def _part(part: str, body: str) -> str:
    if part.startswith("text()"):
        return f"pm.response.{part}"
    if _is_header(part):
        return f"pm.response.headers.get({javascript(part)})"
    return f"{body}.{part}" if part else body


def literal_parts(checks: Checks) -> Iterator[tuple[str, object]]:
    """The parts of a response with values from the checks: headers and members."""
    for parts in checks.values():
        for part, expected in parts.items():
            if not isinstance(expected, Assertion) and re.fullmatch(r"[\w.\[\]-]*", part):
                yield part, expected
