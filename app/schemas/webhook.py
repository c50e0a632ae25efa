"""The answer to a webhook."""

from typing import Literal

from pydantic import BaseModel


class WebhookOut(BaseModel):
    """The event is stored; `duplicate` if it was before."""

    received: Literal[True] = True
    duplicate: bool
