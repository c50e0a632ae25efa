"""Models that a chatroom may name."""

from collections.abc import Sequence
from typing import Self

from pydantic import BaseModel


class ModelOut(BaseModel):
    """A model by the id that a chatroom names it with."""

    id: str
    default: bool
    """Whether it answers in a chatroom that names no model."""


class ModelList(BaseModel):
    """The models that a chatroom may name, the default first."""

    models: list[ModelOut]

    @classmethod
    def of(cls, names: Sequence[str], *, default: str) -> Self:
        """List models by name."""
        return cls(models=[ModelOut(id=name, default=name == default) for name in names])
