"""Request bodies: read whole before anything is done for them, bounded in size, in time and in form."""

import asyncio
from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import BodyTooLarge, ContentEncodingUnsupported, RequestTimeout, ValidationFailed
from app.kit.json_bounds import is_json, json_problem

_WITHOUT_A_BODY = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


class _ClientGoneError(Exception):
    """Raised when the client left in the middle of its body."""


class BodyMiddleware:
    """Hands a body over in one piece; a body that trickles in holds nothing but its connection meanwhile.

    What is sent along with a GET means nothing (RFC 9110) and is not read. JSON that is too deep or has too
    many members is refused before it is parsed, except at `raw_paths`, which take any bytes.
    """

    def __init__(
        self, app: ASGIApp, *, max_bytes: int, seconds: float, raw_paths: Collection[str] = ()
    ) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._seconds = seconds
        self._raw_paths = frozenset(raw_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope) if scope["type"] == "http" else Headers()
        length = headers.get("content-length", "0")
        if (
            scope["type"] != "http"
            or scope["method"] in _WITHOUT_A_BODY
            or (length == "0" and "transfer-encoding" not in headers)
        ):
            await self._app(scope, receive, send)
            return
        if length.isdecimal() and int(length) > self._max_bytes:
            raise BodyTooLarge
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise ContentEncodingUnsupported
        try:
            body = await self._read(receive)
        except _ClientGoneError:
            return
        if is_json(headers.get("content-type", "")) and scope["path"] not in self._raw_paths:
            _check_form(body)
        is_handed_over = False

        async def receive_whole() -> Message:
            nonlocal is_handed_over
            if is_handed_over:
                return await receive()
            is_handed_over = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, receive_whole, send)

    async def _read(self, receive: Receive) -> bytes:
        pieces, size, more = [], 0, True
        try:
            async with asyncio.timeout(self._seconds):
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _ClientGoneError
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
