"""Closing an account, by a user of its own."""

from typing import Final

from devtools.postman.model import SOME_TEXT, Folder, Request
from devtools.postman.variables import new_number

_NUMBER: Final = "{{other_mobile_number}}"
_IN_ARABIC_DIGITS: Final = """\
const arabic = (digit) => String.fromCharCode(0x0660 + Number(digit));
const typed = pm.collectionVariables.get("otp").replace(/[0-9]/g, arabic);
pm.variables.set("typed_otp", typed.slice(0, 3) + " " + typed.slice(3));
"""

FOLDER: Final = Folder(
    "Closing an account",
    "A new user closes the account. That needs a sign-in of the last ten minutes.",
    (
        Request(
            name="Sign up to leave again",
            operation="sign_up",
            status=201,
            before=new_number("other_mobile_number"),
            body={"mobile_number": _NUMBER},
            checks={"no name": {"user.mobile_number": _NUMBER, "user.full_name": None}},
        ),
        Request(
            name="Send the code",
            operation="send_otp",
            status=200,
            body={"mobile_number": _NUMBER},
            keep={"otp": "otp"},
            saved={"otp": "042137"},
        ),
        Request(
            name="Sign in with the code in Arabic digits",
            operation="verify_otp",
            status=200,
            text="The digits of a code may be of any script, with spaces or hyphens among them.",
            before=_IN_ARABIC_DIGITS,
            body={"mobile_number": _NUMBER, "otp": "{{typed_otp}}"},
            checks={"the same user": {"user.mobile_number": _NUMBER}},
            keep={"leaver_token": "access_token"},
        ),
        Request(
            name="Delete the account",
            operation="delete_me",
            status=202,
            text="All sessions end at once, running replies are cancelled, and everything is erased "
            "within moments.",
            bearer="{{leaver_token}}",
            checks={"it says so": {"message": SOME_TEXT}},
        ),
    ),
)
