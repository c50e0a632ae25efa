"""The text of a message, for an operator with a reason."""

from dataclasses import dataclass
from uuid import UUID

from app.errors import MessageNotFound
from app.models import Actor
from app.schemas.admin import MessageText
from app.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class MessageTextService:
    """Shows texts; each access is in the audit log and in the user's export."""

    uow: UnitOfWork

    async def read(self, actor: Actor, message_id: UUID, *, reason: str) -> MessageText:
        """Record the access, and return the message once that is committed.

        Raises:
            MessageNotFound: no message has this id, or its room is deleted.
            ValidationFailed: the reason is not valid.
        """
        async with self.uow.begin_audited(actor) as tx:
            message = await tx.user_admin.message(message_id)
            if message is None:
                raise MessageNotFound("No message has this id.")
            await tx.audit.record(
                "message.text_read",
                subject_type="message",
                subject_id=message.id,
                user_id=message.user_id,
                reason=reason,
                details={"chatroom_id": message.chatroom_id},
            )
        return MessageText.model_validate(message)
