"""The folders in their order: the test flow, the features, then refusals and webhooks."""

from typing import Final

from devtools.postman.folders import (
    account,
    chatrooms,
    flow,
    leaving,
    messages,
    passwords,
    pro,
    reading,
    refusals,
    service,
    streaming,
    webhooks,
)
from devtools.postman.model import Folder

FOLDERS: Final[tuple[Folder, ...]] = (
    flow.FOLDER,
    service.FOLDER,
    account.FOLDER,
    passwords.FOLDER,
    chatrooms.FOLDER,
    messages.FOLDER,
    reading.FOLDER,
    pro.FOLDER,
    streaming.FOLDER,
    leaving.FOLDER,
    refusals.FOLDER,
    webhooks.FOLDER,
)
