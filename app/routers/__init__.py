"""The HTTP interface: each route parses, calls one use case, returns."""

from typing import Final

from fastapi import APIRouter

from app.routers import (
    auth,
    chatroom,
    docs,
    message,
    meta,
    model,
    pages,
    password,
    reply,
    search,
    session,
    subscription,
    user,
    webhook,
)
from app.routers.admin import ADMIN

__all__ = ["ADMIN", "ALL", "MATCHED"]

ALL: Final[tuple[APIRouter, ...]] = (
    meta.router,
    model.router,
    docs.router,
    auth.router,
    password.router,
    session.router,
    user.router,
    search.router,  # before the routes that would take its name for a chatroom's id
    chatroom.router,
    message.router,
    reply.router,
    subscription.router,
    pages.router,
    webhook.router,
)
"""In the order of the documentation."""

_BUSIEST: Final = (search.router, chatroom.router, message.router, reply.router, user.router)
MATCHED: Final = (*_BUSIEST, *(router for router in ALL if router not in _BUSIEST), *ADMIN)
"""In the order of matching: the busiest first."""
