"""The answer to a webhook."""

from typing import Literal

from pydantic import BaseModel


class WebhookOut(BaseModel):
    """The event is stored; `duplicate` if it had been stored before."""

    received: Literal[True] = True
    duplicate: bool
