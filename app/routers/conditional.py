"""Answers that a client may keep and ask about again: `ETag`, `If-None-Match` and 304 (RFC 9110 §13)."""

import hashlib
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Header, Response

IfNoneMatch = Annotated[
    str | None,
    Header(max_length=2000, description="The `ETag` of an earlier answer: 304 if nothing has changed."),
]
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    HTTPStatus.NOT_MODIFIED.value: {"description": "Nothing has changed since the answer with this `ETag`."}
}
# Kept by whoever asked, never shown again without asking, and never to somebody else.
_MAY_BE_KEPT = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}


def conditional_json(body: str, if_none_match: str | None, headers: dict[str, str]) -> Response:
    """This JSON with its `ETag`; 304 without it for a client that has the same already."""
    encoded = body.encode()
    etag = f'"{hashlib.blake2b(encoded, digest_size=16).hexdigest()}"'
    headers = {**headers, **_MAY_BE_KEPT, "ETag": etag}
    if if_none_match is not None and _names(if_none_match, etag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(encoded, media_type="application/json", headers=headers)


def _names(if_none_match: str, etag: str) -> bool:
    """Whether the header names this tag, compared weakly; `*` names every one."""
    named = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return "*" in named or etag in named
