"""Downloads: a safe file name, and content that is read page by page while it is sent."""

import unicodedata
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from pydantic import BaseModel

from app.kit.normal_form import normalized
from app.kit.utc_text import utc_text

PAGE = 100
"""Maximum number of rows per read."""

_BUFFER_CHARACTERS = 16 * 1024
_MAX_NAME_BYTES = 180  # file systems take 255
_NOT_IN_NAMES = frozenset('/\\:*?"<>|%')
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul"} | {f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10)}
)

Key = TypeVar("Key")
Row_co = TypeVar("Row_co", covariant=True)
Pieces = AsyncGenerator[str, None]


@dataclass(frozen=True, slots=True)
class Page(Generic[Key, Row_co]):
    """Rows with their keys; `is_last` if no rows follow."""

    rows: Sequence[tuple[Key, Row_co]]
    is_last: bool


ReadPage = Callable[[Key], Awaitable[Page[Key, Row_co]]]
"""Reads up to `PAGE` rows after a key."""


@dataclass(frozen=True, slots=True)
class Download:
    """A document that is being read. An error in `pieces` must abort the response, not end it normally."""

    file_name: str
    media_type: str
    pieces: Pieces


async def all_rows(read: ReadPage[Key, Row_co], after: Key) -> AsyncGenerator[Row_co, None]:
    """Yield all rows after a key, reading page by page."""
    is_last = False
    while not is_last:
        page = await read(after)
        is_last = page.is_last
        for key, row in page.rows:
            yield row
            after = key


async def json_array(name: str, read: ReadPage[Key, BaseModel], after: Key) -> Pieces:
    """Yield a list as a member of a JSON document, one row per piece."""
    yield f',"{name}":['
    separator = ""
    async for row in all_rows(read, after):
        yield separator + row.model_dump_json()
        separator = ","
    yield "]"


async def buffered(pieces: Pieces) -> Pieces:
    """Join small pieces into larger ones; pass large ones on as they are."""
    async with aclosing(pieces):
        held, size = list[str](), 0
        async for piece in pieces:
            if held and size + len(piece) > _BUFFER_CHARACTERS:
                yield "".join(held)
                held, size = [], 0
            held.append(piece)
            size += len(piece)
        yield "".join(held)


def json_opening(now: datetime) -> str:
    """Return the start of a JSON document, to which members are added, each after a comma."""
    return f'{{"exported_at":"{utc_text(now.replace(microsecond=0))}"'


def file_name(title: str, extension: str) -> str:
    """Return a file name for a title that every file system accepts.

    It has no separators, control characters or marks that change the writing direction, does not begin with a
    dot, and is not the name of a Windows device. A title without any other characters becomes `chatroom`.
    """
    signs = (
        "-" if sign in _NOT_IN_NAMES or unicodedata.category(sign).startswith("C") else sign
        for sign in normalized(title, "NFC")
    )
    one_line = " ".join("".join(signs).split())
    stem = one_line.encode()[:_MAX_NAME_BYTES].decode(errors="ignore").strip(" .-")
    if stem.partition(".")[0].strip().lower() in _DEVICES | {""}:
        stem = f"chatroom {stem}".rstrip()
    return f"{stem}.{extension}"
