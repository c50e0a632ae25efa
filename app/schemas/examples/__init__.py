"""An example of every body, for the OpenAPI document: made of the models, so that none can be wrong."""

from typing import Final

from pydantic import BaseModel

from app.schemas.examples.chat import CHAT
from app.schemas.examples.money import MONEY
from app.schemas.examples.people import PEOPLE
from app.schemas.examples.service import SERVICE
from app.schemas.examples.taken_along import EXPORTED, ROOM_EXPORTED

EXAMPLES: Final[tuple[BaseModel, ...]] = (*SERVICE, *PEOPLE, EXPORTED, ROOM_EXPORTED, *CHAT, *MONEY)
"""One for each model that is the whole body of some request or answer."""


def body_of(example: BaseModel) -> object:
    """An example as JSON, without what nobody has to send."""
    return example.model_dump(mode="json", exclude_unset=True)
