"""Render errors from middleware and unexpected exceptions as problem+json."""

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import AppError, InternalError
from app.problem_response import problem_response

log = structlog.get_logger(__name__)


class FailureMiddleware:
    """Responds to the exceptions that no error handler inside of it has handled."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_begun = False

        async def send_and_note(message: Message) -> None:
            nonlocal has_begun
            has_begun = has_begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except AppError as error:
            await problem_response(error, scope["state"]["request_id"])(scope, receive, send)
        except Exception:
            log.exception("request_crashed")
            if has_begun:
                raise  # the server must abort the response
            await problem_response(InternalError(), scope["state"]["request_id"])(scope, receive, send)
