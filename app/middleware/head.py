"""HEAD for every path that supports GET: the same status and headers, no body (RFC 9110 §9.3.2)."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class _HeadSentError(Exception):
    """Raised when the head of the response is sent, so that no body is made."""


class HeadMiddleware:
    """Runs the route of a HEAD as a GET, and ends the response after its head.

    An event stream or a download is opened, so that the status is correct, but not read. Middleware outside
    of this one counts and logs the request as a HEAD.
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
            raise _HeadSentError

        as_get = {**scope, "method": "GET"}
        try:
            await self._app(as_get, receive, send_head)
        except _HeadSentError:
            pass
        finally:
            if "route" in as_get:
                scope["route"] = as_get["route"]  # for the log
