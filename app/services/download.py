"""A document that a person takes along: named safely, read in pages while it is sent."""

import unicodedata
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel

from app.normal_form import normalized

PAGE = 100
"""How many rows are read at once: memory stays flat, and nothing is held in between."""

_MOST_NAME_BYTES = 180  # file systems take 255
_NOT_IN_NAMES = frozenset('/\\:*?"<>|%')
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul"} | {f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10)}
)

Key = TypeVar("Key")
Row = TypeVar("Row")
Pieces = AsyncGenerator[str, None]
ReadPage = Callable[[Key], Awaitable[Sequence[tuple[Key, Row]]]]
"""Reads up to `PAGE` rows behind a key, each with its own key."""


@dataclass(frozen=True, slots=True)
class Download:
    """A document that is being read; an error in `pieces` has to cut it off, not end it."""

    file_name: str
    media_type: str
    pieces: Pieces


async def pages(read: ReadPage[Key, Row], after: Key) -> AsyncGenerator[list[Row], None]:
    """All rows behind a key, page by page."""
    while True:
        page = await read(after)
        if page:
            yield [row for _, row in page]
            after = page[-1][0]
        if len(page) < PAGE:
            return


async def json_array(name: str, read: ReadPage[Key, BaseModel], after: Key) -> Pieces:
    """A member of a JSON document that is a list."""
    yield f',"{name}":['
    separator = ""
    async for page in pages(read, after):
        yield separator + ",".join(item.model_dump_json() for item in page)
        separator = ","
    yield "]"


def json_opening(now: datetime) -> str:
    """How a JSON document begins; members follow, each with a comma in front."""
    return f'{{"exported_at":"{now.strftime("%Y-%m-%dT%H:%M:%SZ")}"'


def file_name(title: str, extension: str) -> str:
    """A name that every file system takes and that shows what it is.

    Without separators, control characters or marks that turn the direction of writing around, not hidden,
    and not one of Windows' devices; a title of which nothing is left is `chatroom`.
    """
    signs = (
        "-" if sign in _NOT_IN_NAMES or unicodedata.category(sign).startswith("C") else sign
        for sign in normalized(title, "NFC")
    )
    one_line = " ".join("".join(signs).split())
    stem = one_line.encode()[:_MOST_NAME_BYTES].decode(errors="ignore").strip(" .-")
    if stem.partition(".")[0].strip().lower() in _DEVICES | {""}:
        stem = f"chatroom {stem}".rstrip()
    return f"{stem}.{extension}"
