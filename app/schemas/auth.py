"""Requests and answers of signing in."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, StringConstraints
from pydantic_core import PydanticCustomError

from app.kit.typed_digits import ascii_digits, without_separators
from app.models.sign_in import OtpPurpose
from app.schemas.base import ON_ONE_LINE, STORABLE, Name, Request
from app.schemas.user import UserOut

_OTP_DIGITS = 6
_MAX_OTP_CHARS = 200  # of what is typed: signs of direction may stand around every digit
_OTP_MALFORMED = "otp_malformed"


def _is_text(code: object) -> object:
    if isinstance(code, int | float) and not isinstance(code, bool):
        raise PydanticCustomError(
            _OTP_MALFORMED, "must be a string of 6 digits; a number loses the zeros in front"
        )
    return code


def _six_digits(typed: str) -> str:
    """Return the code in ASCII: digits of any script, without spaces, hyphens and invisible signs."""
    code = without_separators(ascii_digits(typed)) if len(typed) <= _MAX_OTP_CHARS else ""
    if len(code) != _OTP_DIGITS or not (code.isascii() and code.isdecimal()):
        raise PydanticCustomError(_OTP_MALFORMED, "must be 6 digits; spaces and hyphens may stand among them")
    return code


MobileNumber = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), STORABLE
]
Otp = Annotated[
    str, BeforeValidator(_is_text), StringConstraints(strip_whitespace=True), AfterValidator(_six_digits)
]
DeviceName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80), STORABLE, ON_ONE_LINE
]
"""What the user calls the device: a name as others are, but short."""


class SignupIn(Request):
    """A new account. The number may be written in any common way."""

    mobile_number: MobileNumber
    full_name: Name | None = None


class SignupOut(BaseModel):
    """The account; its number still has to be verified."""

    user: UserOut


class SendOtpIn(Request):
    """The number to send a code to."""

    mobile_number: MobileNumber


class SendOtpOut(BaseModel):
    """The same whether or not the number has an account. Times in seconds."""

    message: str
    expires_in: int
    resend_after: int
    otp: str | None = None
    """Only with `OTP_DELIVERY=response`, which production refuses."""


class VerifyOtpIn(Request):
    """The code that was received. The purpose is `login` if it is absent."""

    mobile_number: MobileNumber
    otp: Otp
    purpose: Literal[OtpPurpose.LOGIN, OtpPurpose.PASSWORD_RESET] = OtpPurpose.LOGIN
    device_name: DeviceName | None = None


class TokensOut(BaseModel):
    """A session's tokens; lifetimes in seconds."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105  # the name of a scheme
    expires_in: int
    refresh_token: str
    refresh_expires_in: int
    user: UserOut
