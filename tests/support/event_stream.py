"""A reader of event streams by the rules of the HTML standard, and one as strict as common libraries are."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Dispatched:
    """One event as a reader hands it on."""

    name: str
    data: str
    id: str
    retry: int | None


def dispatched(wire: bytes, *, by_libraries: bool = False) -> Iterator[Dispatched]:
    """The events of a whole stream, in order.

    By the standard a block without data is no event. With `by_libraries` every block is one, also a block
    that holds nothing but `retry` or a comment, as in httpx-sse and fetch-event-source.
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
    """The reconnection times that a reader takes over, in order; each counts as soon as its line ends."""
    return [int(line[7:]) for line in wire.splitlines() if line.startswith(b"retry: ")]
