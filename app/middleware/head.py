"""HEAD for every address that takes GET: the same status and headers, and no body (RFC 9110 §9.3.2)."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class _AnsweredError(Exception):
    """Raised when the head of an answer is out: nothing of its body is to be made."""


class HeadMiddleware:
    """Lets the routes answer a HEAD as a GET, and ends the answer with its head.

    A stream of events or a download is opened, so that its status is true, and never read. Everything outside
    this still sees a HEAD, and counts and logs it as one.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            await send(message)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            raise _AnsweredError

        as_get = {**scope, "method": "GET"}
        try:
            await self._app(as_get, receive, send_head)
        except _AnsweredError:
            pass
        finally:
            if "route" in as_get:
                scope["route"] = as_get["route"]  # for the log
