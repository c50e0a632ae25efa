"""The answer to a webhook."""

from pydantic import BaseModel


class WebhookOut(BaseModel):
    """The event is stored; `duplicate` if it had been stored before."""

    received: bool = True
    duplicate: bool
