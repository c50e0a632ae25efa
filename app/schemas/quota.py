"""What is left of a day."""

from pydantic import BaseModel

from app.schemas.base import Moment


class Quota(BaseModel):
    """Messages of the present UTC day; `limit` and `remaining` are null on Pro."""

    limit: int | None
    used: int
    remaining: int | None
    resets_at: Moment
