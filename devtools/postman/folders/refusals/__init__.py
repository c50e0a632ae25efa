"""Requests that are refused, by a second user, and the errors that say why."""

from typing import Final

from devtools.postman.folders.refusals import (
    account,
    chatrooms,
    general,
    messages,
    passwords,
    pro,
    signing_in,
)
from devtools.postman.model import Folder

FOLDER: Final = Folder(
    "Refusals",
    "Every error has the same body; `code` names it and does not change. These requests are a second user's, "
    'who signs up in the folder "Signing in"; run that before the others. Some concern what the user of the '
    "test flow owns.",
    (
        general.FOLDER,
        signing_in.FOLDER,
        account.FOLDER,
        passwords.FOLDER,
        chatrooms.FOLDER,
        messages.FOLDER,
        pro.FOLDER,
    ),
    bearer="{{other_token}}",
)
