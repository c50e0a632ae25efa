"""The text of messages, for operators with a reason."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path

from app.dependencies import Services, SupportOperator
from app.errors import MessageNotFound
from app.openapi import admin_responses
from app.routing import Route
from app.schemas.admin import MessageText, ReasonIn

router = APIRouter(prefix="/admin/messages", tags=["messages"], route_class=Route)

MessageId = Annotated[UUID, Path(description="A message or a reply of any user.")]


@router.post(
    "/{message_id}/text",
    operation_id="read_message_text",
    summary="Read the text of a message",
    responses=admin_responses(MessageNotFound, body=True),
)
async def read_message_text(
    message_id: MessageId, body: ReasonIn, actor: SupportOperator, services: Services
) -> MessageText:
    """Read the text of a message. The access and its reason are recorded, and in the user's export."""
    return await services.admin.message_texts.read(actor, message_id, reason=body.reason)
