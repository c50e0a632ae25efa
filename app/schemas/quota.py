"""The daily quota."""

from pydantic import BaseModel

from app.schemas.base import Moment


class Quota(BaseModel):
    """The messages of the current UTC day; `limit` and `remaining` are null on Pro."""

    limit: int | None
    used: int
    remaining: int | None
    resets_at: Moment
