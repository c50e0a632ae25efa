"""The models that a chatroom may name, and the choice of the model that answers."""

from dataclasses import dataclass

from app.errors import ValidationFailed


@dataclass(frozen=True, slots=True)
class OfferedModels:
    """`GEMINI_MODEL`, the default and first of `names`, then `GEMINI_MODELS`."""

    names: tuple[str, ...]

    @property
    def default(self) -> str:
        """The model of a room that names none."""
        return self.names[0]

    def choose(self, named: str | None) -> str:
        """Return the model that answers: the named one if it is offered, else the default."""
        return named if named is not None and named in self.names else self.default

    def require(self, named: str | None) -> None:
        """Reject a model that is not offered; None, the default, is accepted.

        Raises:
            ValidationFailed: the model is not offered.
        """
        if named is not None and named not in self.names:
            message = f"Choose one of: {', '.join(self.names)}."
            problem = {"pointer": "/model", "code": "model_not_offered", "message": message}
            raise ValidationFailed(members={"errors": [problem]})
