"""Conditional requests: `ETag`, `If-None-Match` and 304 (RFC 9110 §13)."""

import hashlib
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Header, Response

IfNoneMatch = Annotated[
    str | None,
    Header(max_length=2000, description="`ETag` of an earlier response: 304 if nothing has changed."),
]
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    HTTPStatus.NOT_MODIFIED.value: {"description": "Nothing has changed since the response with this `ETag`."}
}
# Cached by the client only, and revalidated before each use.
_CACHING = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}


def conditional_json(body: str, if_none_match: str | None, headers: dict[str, str]) -> Response:
    """Return this JSON with its `ETag`, or 304 if `If-None-Match` names that tag."""
    encoded = body.encode()
    etag = f'"{hashlib.blake2b(encoded, digest_size=16).hexdigest()}"'
    headers = {**headers, **_CACHING, "ETag": etag}
    if if_none_match is not None and _matches(if_none_match, etag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(encoded, media_type="application/json", headers=headers)


def _matches(if_none_match: str, etag: str) -> bool:
    """Whether the header names this tag (weak comparison); `*` matches any tag."""
    named = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return "*" in named or etag in named
