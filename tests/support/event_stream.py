"""Parsers of event streams: by the rules of the HTML standard, and as common libraries do."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Dispatched:
    """One event as a parser returns it."""

    name: str
    data: str
    id: str
    retry: int | None


def dispatched(wire: bytes, *, by_libraries: bool = False) -> Iterator[Dispatched]:
    """Return the events of a whole stream in order.

    By the standard a block without data is not an event. With `by_libraries` every block is, also one that
    contains only `retry` or a comment, as in httpx-sse and fetch-event-source.
    """
    name, data, last_id, retry, lines = "", list[str](), "", None, 0
    for line in wire.decode().replace("\r\n", "\n").replace("\r", "\n").split("\n")[:-1]:
        if line == "":
            if data or (by_libraries and lines):
                yield Dispatched(name or "message", "\n".join(data), last_id, retry)
            name, data, retry, lines = "", [], None, 0
            continue
        lines += 1
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)
        elif field == "id" and "\0" not in value:
            last_id = value
        elif field == "retry" and value.isascii() and value.isdecimal():
            retry = int(value)


def retries(wire: bytes) -> list[int]:
    """Return the reconnection times in order; each takes effect at the end of its line."""
    return [int(line[7:]) for line in wire.splitlines() if line.startswith(b"retry: ")]
