"""Parts of docs/api.md as data: requests, shown responses, scripts and tables."""

import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx

from tests.support.process import ROOT
from tests.support.user import Json

GUIDE = (ROOT / "docs" / "api.md").read_text()
ANYTHING = "…"

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```\n([^\n]*)", re.MULTILINE | re.DOTALL)
_RANDOM = re.compile(r"\{\{\$randomInt (\d+) (\d+)\}\}")
_FILE_VARIABLE = re.compile(r"^@(\w+) = (.+)$", re.MULTILINE)


def _between(lowest: int, highest: int) -> int:
    return lowest + secrets.randbelow(highest - lowest + 1)


@dataclass(frozen=True)
class Step:
    """A request of the guide and its shown response: a body of JSON, of events, or none."""

    name: str
    method: str
    address: str
    headers: dict[str, str]
    body: str
    status: int
    shown_headers: dict[str, str]
    shown: str
    is_stream: bool


def steps() -> Iterator[Step]:
    """Return the requests in the order of the guide."""
    blocks = _BLOCK.findall(GUIDE)
    for (kind, request, below), (next_kind, shown, _) in zip(
        blocks, [*blocks[1:], ("", "", "")], strict=True
    ):
        if kind != "http" or request.startswith("@"):
            continue
        status, *headers = re.findall(r"`([^`]+)`", below)
        head, _, body = request.partition("\n\n")
        lines = [line for line in head.splitlines() if not line.startswith("#")]
        method, _, address = lines[0].partition(" ")
        name = re.search(r"^# @name (\w+)$", head, re.MULTILINE)
        yield Step(
            name=name[1] if name else "",
            method=method,
            address=address,
            headers=dict(_header(line) for line in lines[1:]),
            body=body.strip(),
            status=int(status.partition(" ")[0]),
            shown_headers=dict(_header(header) for header in headers),
            shown=shown if next_kind in ("json", "text") else "",
            is_stream=next_kind == "text",
        )


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(": ")
    return name, value


@dataclass
class Variables:
    """Values of `{{…}}`: the guide's variables, and parts of the responses to named requests."""

    values: Json = field(default_factory=lambda: dict(_FILE_VARIABLE.findall(GUIDE)))

    def fill_in(self, text: str) -> str:
        """Return the text with variables replaced by values."""
        text = _RANDOM.sub(lambda found: str(_between(int(found[1]), int(found[2]))), text)
        return re.sub(r"\{\{([\w.]+)\}\}", lambda found: str(self._look_up(found[1])), text)

    def _look_up(self, path: str) -> object:
        value: Json | object = self.values
        for part in path.split("."):
            assert isinstance(value, dict), path
            value = value[part]
        return value


def differences(shown: object, real: object, place: str = "") -> Iterator[str]:
    """Return where a response differs from the shown one; `…` matches anything, also further items."""
    if shown == ANYTHING:
        return
    if isinstance(shown, list) and isinstance(real, list) and shown[-1:] == [ANYTHING]:
        shown, real = shown[:-1], real[: len(shown) - 1]
    if isinstance(shown, dict) and isinstance(real, dict):
        yield from _differing_members(shown, real, place)
    elif isinstance(shown, list) and isinstance(real, list) and len(shown) == len(real):
        for index, pair in enumerate(zip(shown, real, strict=True)):
            yield from differences(*pair, f"{place}/{index}")
    elif isinstance(shown, str) and isinstance(real, str):
        if not re.fullmatch(".*".join(map(re.escape, shown.split(ANYTHING))), real, re.DOTALL):
            yield f"{place} is {real!r}, not {shown!r}"
    elif shown != real or type(shown) is not type(real):
        yield f"{place} is {real!r}, not {shown!r}"


def _differing_members(shown: Json, real: Json, place: str) -> Iterator[str]:
    if ANYTHING not in shown:
        yield from (f"{place}/{name} is not shown" for name in real.keys() - shown.keys())
    for name in shown.keys() - {ANYTHING}:
        if name in real:
            yield from differences(shown[name], real[name], f"{place}/{name}")
        else:
            yield f"{place}/{name} is not there"


def events(stream: str) -> list[Json]:
    """Return the events of a stream, only the first of each run of one kind."""
    found: list[Json] = []
    for block in stream.strip().split("\n\n"):
        event: Json = dict(_header(line) for line in block.splitlines())
        event.pop("retry", None)
        if "event" in event and (not found or found[-1]["event"] != event["event"]):
            found.append({**event, "data": json.loads(event["data"])})
    return found


def answered(step: Step, answer: httpx.Response) -> Json:
    """Return the response of a step in the form that `differences` compares."""
    body: object = None
    if step.is_stream:
        body = events(answer.text)
    elif answer.content:
        body = answer.json()
    headers = {name: answer.headers[name] for name in step.shown_headers if name in answer.headers}
    return {"status": answer.status_code, "headers": headers, "body": body}


def promised(step: Step, variables: Variables) -> Json:
    """Return the shown response in the same form."""
    shown = variables.fill_in(step.shown)
    headers = {name: variables.fill_in(value) for name, value in step.shown_headers.items()}
    body: object = None
    if step.is_stream:
        body = events(shown)
    elif shown:
        body = json.loads(shown)
    return {"status": step.status, "headers": headers, "body": body}


def scripts() -> tuple[str, str]:
    """Return the JavaScript clients: with the package eventsource, and without any package."""
    with_package, without = [str(block) for kind, block, _ in _BLOCK.findall(GUIDE) if kind == "js"]
    return with_package, without


def table(heading: str, columns: int) -> list[list[str]]:
    """Return the rows of the section's table with `columns` columns, without its header."""
    section = GUIDE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section.splitlines()
        if line.startswith("|")
    ]
    assert {len(row) for row in rows} == {columns}, heading
    return rows[2:]


def words(cell: str) -> set[str]:
    """Return the words in backticks."""
    return set(re.findall(r"`([^`]+)`", cell))
