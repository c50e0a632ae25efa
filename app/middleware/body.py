"""Request bodies: read completely before the route runs, with limits of size, time and form."""

import asyncio
from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import BodyTooLarge, ContentEncodingUnsupported, RequestTimeout, ValidationFailed
from app.kit.json_bounds import is_json, json_problem

_METHODS_WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


class _ClientDisconnectedError(Exception):
    """Raised when the client disconnected before the end of its body."""


class BodyMiddleware:
    """Passes a body on in one piece; a slow body holds no resource but its connection.

    The body of a GET has no meaning (RFC 9110) and is not read. JSON that is too deep or has too many members
    is rejected before it is parsed, except at `raw_paths`, which accept any bytes.
    """

    def __init__(
        self, app: ASGIApp, *, max_bytes: int, seconds: float, raw_paths: Collection[str] = ()
    ) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._seconds = seconds
        self._raw_paths = frozenset(raw_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in _METHODS_WITHOUT_BODY:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        length = headers.get("content-length", "0")
        if length == "0" and "transfer-encoding" not in headers:
            await self._app(scope, receive, send)
            return
        if length.isdecimal() and int(length) > self._max_bytes:
            raise BodyTooLarge
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise ContentEncodingUnsupported
        try:
            body = await self._read(receive)
        except _ClientDisconnectedError:
            return
        if is_json(headers.get("content-type", "")) and scope["path"] not in self._raw_paths:
            _check_form(body)
        is_delivered = False

        async def receive_whole() -> Message:
            nonlocal is_delivered
            if is_delivered:
                return await receive()
            is_delivered = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, receive_whole, send)

    async def _read(self, receive: Receive) -> bytes:
        pieces, size, more = [], 0, True
        try:
            async with asyncio.timeout(self._seconds):
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _ClientDisconnectedError
                    pieces.append(message.get("body", b""))
                    size += len(pieces[-1])
                    more = message.get("more_body", False)
                    if size > self._max_bytes:
                        raise BodyTooLarge
        except TimeoutError:
            raise RequestTimeout from None
        return b"".join(pieces)


def _check_form(body: bytes) -> None:
    if problem := json_problem(body):
        raise ValidationFailed(members={"errors": [{"pointer": "", **problem}]})
