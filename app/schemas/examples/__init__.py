"""Examples of every body in the OpenAPI document, made from the models so that they are valid."""

from typing import Final

from pydantic import BaseModel

from app.schemas.examples.admin import ADMIN
from app.schemas.examples.billing import BILLING
from app.schemas.examples.chat import CHAT
from app.schemas.examples.exports import EXPORTED, ROOM_EXPORTED
from app.schemas.examples.identity import IDENTITY
from app.schemas.examples.operations import OPERATIONS

EXAMPLES: Final[tuple[BaseModel, ...]] = (
    *OPERATIONS,
    *IDENTITY,
    EXPORTED,
    ROOM_EXPORTED,
    *CHAT,
    *BILLING,
    *ADMIN,
)
"""One for each model that is the body of a request or a response."""


def body_of(example: BaseModel) -> object:
    """Render an example as JSON, without optional fields that it does not set."""
    return example.model_dump(mode="json", exclude_unset=True)
