"""An example of every body, for the OpenAPI document: made of the models, so that none can be wrong."""

from typing import Final

from pydantic import BaseModel

from app.schemas.examples.billing import BILLING
from app.schemas.examples.chat import CHAT
from app.schemas.examples.exports import EXPORTED, ROOM_EXPORTED
from app.schemas.examples.identity import IDENTITY
from app.schemas.examples.operations import OPERATIONS

EXAMPLES: Final[tuple[BaseModel, ...]] = (*OPERATIONS, *IDENTITY, EXPORTED, ROOM_EXPORTED, *CHAT, *BILLING)
"""One for each model that is the whole body of some request or answer."""


def body_of(example: BaseModel) -> object:
    """An example as JSON, without what nobody has to send."""
    return example.model_dump(mode="json", exclude_unset=True)
