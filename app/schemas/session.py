"""Requests and responses of sessions."""

from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel

from app.kit.user_agents import short_user_agent
from app.models import Session
from app.schemas.base import Moment, Request


class RefreshIn(Request):
    """The newest refresh token of a session."""

    refresh_token: str


class LogoutScope(StrEnum):
    """The sessions that end."""

    THIS = "this"
    OTHERS = "others"
    ALL = "all"


class LogoutIn(Request):
    """The sessions that end: this one, all others, or all. The scope defaults to this one."""

    scope: LogoutScope = LogoutScope.THIS


class SessionOut(BaseModel):
    """A signed-in device.

    `device_name` is the name that the user gave it, `device` the `User-Agent` header, and `client` a short
    form of that, such as "Chrome on Android". They and `created_at` are from its sign-in. `last_used_at` and
    `ip` show when and from where it was last used: a refresh and a use from another address are stored at
    once, others every 10 minutes.
    """

    id: UUID
    device_name: str | None
    client: str | None
    device: str | None
    ip: str | None
    created_at: Moment
    last_used_at: Moment
    current: bool
    """True for the session of this request."""

    @classmethod
    def of(cls, session: Session, *, current_id: UUID) -> "SessionOut":
        """Convert a session for its owner, who calls from the session `current_id`."""
        return cls(
            id=session.id,
            device_name=session.device_name,
            client=short_user_agent(session.user_agent),
            device=session.user_agent,
            ip=session.used_from,
            created_at=session.created_at,
            last_used_at=session.last_used_at,
            current=session.id == current_id,
        )


class SessionPage(BaseModel):
    """Open sessions, newest use first."""

    sessions: list[SessionOut]
    next_cursor: str | None
