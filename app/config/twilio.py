"""The forms of `TWILIO_FROM`, parsed alike by the check at start and by the client."""

import re
from typing import Final

_MESSAGING_SERVICE: Final = re.compile(r"MG[0-9a-fA-F]{32}")
_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_SHORT_CODE: Final = re.compile(r"[0-9]{3,8}")
# https://www.twilio.com/docs/messaging/services/api/alphasender-resource
_LETTERS: Final = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 +_&-]{1,11}")
_ACCOUNT: Final = re.compile(r"AC[0-9A-Za-z]+")

SENDER_FORMS: Final = (
    "must be a number such as +14155550100, a Messaging Service (MG and 32 hexadecimal digits), a short code"
    " of 3 to 8 digits, or a name of at most 11 letters, digits, spaces and + - _ &"
)


def sender_parameter(sender: str) -> dict[str, str]:
    """Return the parameter of Twilio's Message resource that names this sender.

    Raises:
        ValueError: it has none of the forms that Twilio takes; the message does not hold it.
    """
    if _MESSAGING_SERVICE.fullmatch(sender):
        return {"MessagingServiceSid": sender}
    if any(form.fullmatch(sender) for form in (_E164, _SHORT_CODE, _LETTERS)):
        return {"From": sender}
    raise ValueError(SENDER_FORMS)


def is_sender(sender: str) -> bool:
    """Return whether Twilio accepts a sender of this form."""
    try:
        sender_parameter(sender)
    except ValueError:
        return False
    return True


def is_account(sid: str) -> bool:
    """Return whether this is the SID of an account, not of an API key (SK…)."""
    return _ACCOUNT.fullmatch(sid) is not None
