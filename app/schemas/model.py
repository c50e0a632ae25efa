"""Models that a chatroom may name."""

from collections.abc import Sequence
from typing import Self

from pydantic import BaseModel


class ModelOut(BaseModel):
    """A model; chatrooms name it by its id."""

    id: str
    default: bool
    """Whether chatrooms that name no model use this one."""


class ModelList(BaseModel):
    """The models that a chatroom may name, the default first."""

    models: list[ModelOut]

    @classmethod
    def of(cls, names: Sequence[str], *, default: str) -> Self:
        """Build the list from the names of models."""
        return cls(models=[ModelOut(id=name, default=name == default) for name in names])
