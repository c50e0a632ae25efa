"""Sign-up and codes that are refused; in between the second user signs in."""

from typing import Final

from devtools.postman.model import Checks, Folder, Request, above, differs_from, matches, refusal
from devtools.postman.variables import new_number

_NUMBER: Final = "{{other_mobile_number}}"
_WRONG_CODE: Final = """\
const wrong = (Number(pm.collectionVariables.get("otp")) + 1) % 1000000;
pm.variables.set("wrong_otp", String(wrong).padStart(6, "0"));
"""
_SAYS_WHEN: Final[Checks] = {"it says when": {"Retry-After": matches("^([1-9]|[12][0-9]|30)$")}}


def _code(name: str, operation: str) -> Request:
    return Request(
        name=name,
        operation=operation,
        status=200,
        body={"mobile_number": _NUMBER},
        checks={"a code of six digits": {"otp": matches("^[0-9]{6}$")}},
        keep={"otp": "otp"},
        saved={"otp": "042137"},
    )


FOLDER: Final = Folder(
    "Signing in",
    "The second user signs up and signs in.",
    (
        Request(
            name="Sign up the second user",
            operation="sign_up",
            status=201,
            before=new_number("other_mobile_number"),
            body={"mobile_number": _NUMBER, "full_name": "Grace Hopper"},
            checks={"another user": {"user.mobile_number": _NUMBER, "user.full_name": "Grace Hopper"}},
        ),
        refusal(
            "Sign up, unknown field",
            "sign_up",
            400,
            "validation_failed",
            at="/nickname",
            body={"mobile_number": _NUMBER, "nickname": "Ada"},
        ),
        refusal(
            "Sign up, impossible number",
            "sign_up",
            400,
            "validation_failed",
            at="/mobile_number",
            body={"mobile_number": "12"},
        ),
        refusal(
            "Sign up, broken JSON",
            "sign_up",
            400,
            "validation_failed",
            body='{"mobile_number": ',
            checks={"it says what is wrong": {"errors.length": above(0)}},
        ),
        refusal(
            "Sign up, not JSON",
            "sign_up",
            415,
            "unsupported_media_type",
            body="mobile_number=+14155550123",
            media_type="text/plain",
        ),
        refusal(
            "Verify before a code was sent",
            "verify_otp",
            401,
            "otp_invalid",
            body={"mobile_number": _NUMBER, "otp": "000000"},
            checks={
                "only the network that requested a code sees its attempts": {
                    'hasOwnProperty("attempts_left")': False
                }
            },
        ),
        _code("Send a code", "send_otp"),
        refusal(
            "Send another code at once",
            "send_otp",
            429,
            "otp_resend_too_soon",
            body={"mobile_number": _NUMBER},
            checks=_SAYS_WHEN,
        ),
        refusal(
            "Verify a wrong code",
            "verify_otp",
            401,
            "otp_invalid",
            body={"mobile_number": _NUMBER, "otp": "{{wrong_otp}}"},
            before=_WRONG_CODE,
            checks={"four tries are left": {"attempts_left": 4}},
        ),
        Request(
            name="Verify the code",
            operation="verify_otp",
            status=200,
            body={"mobile_number": _NUMBER, "otp": "{{otp}}"},
            checks={
                "a session of the second user": {
                    "user.mobile_number": _NUMBER,
                    "access_token": differs_from("{{auth_token}}"),
                }
            },
            keep={"other_token": "access_token"},
        ),
        refusal(
            "Verify the code again",
            "verify_otp",
            401,
            "otp_invalid",
            body={"mobile_number": _NUMBER, "otp": "{{otp}}"},
            text="A code counts once.",
        ),
        _code("Forgot the password", "forgot_password"),
        refusal(
            "Forgot the password again at once",
            "forgot_password",
            429,
            "otp_resend_too_soon",
            body={"mobile_number": _NUMBER},
            checks=_SAYS_WHEN,
        ),
        refusal(
            "Verify that code as one for signing in",
            "verify_otp",
            401,
            "otp_invalid",
            body={"mobile_number": _NUMBER, "otp": "{{otp}}"},
            text="A code counts for its own purpose only.",
        ),
        refusal(
            "Sign up, number taken",
            "sign_up",
            409,
            "mobile_number_taken",
            body={"mobile_number": _NUMBER, "full_name": "Somebody Else"},
        ),
    ),
)
