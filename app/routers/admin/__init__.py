"""The admin API, which has a document of its own: each route requires one scope of a key."""

from typing import Final

from fastapi import APIRouter

from app.routers.admin import audit, billing, messages, replies, users

ADMIN: Final[tuple[APIRouter, ...]] = (
    users.router,
    messages.router,
    replies.router,
    billing.router,
    audit.router,
)
"""In the order of the documentation."""
