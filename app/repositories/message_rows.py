"""Messages read on the driver, as objects that belong to no session."""

from app.database import Record
from app.models import Message, MessageStatus, Role


def message_of(row: Record) -> Message:
    """Return a row with all columns of messages but the one of search."""
    columns = dict(row)
    losses, role, status = columns.pop("losses"), Role(columns["role"]), MessageStatus(columns["status"])
    return Message(**columns | {"worker_losses": losses, "role": role, "status": status})
