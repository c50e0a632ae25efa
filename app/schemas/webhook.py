"""The response to a webhook."""

from pydantic import BaseModel


class WebhookOut(BaseModel):
    """The event is stored; `duplicate` if it was stored before."""

    received: bool = True
    duplicate: bool
