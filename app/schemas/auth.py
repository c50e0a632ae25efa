"""Requests and responses of sign-up and sign-in."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, StringConstraints
from pydantic_core import PydanticCustomError

from app.kit.typed_digits import ascii_digits, without_separators
from app.models.sign_in import OtpPurpose
from app.schemas.base import ON_ONE_LINE, STORABLE, Name, Request
from app.schemas.user import UserOut

_OTP_DIGITS = 6
_MAX_OTP_CHARS = 200  # as typed: direction marks may surround each digit
_OTP_MALFORMED = "otp_malformed"


def _is_text(code: object) -> object:
    if isinstance(code, int | float) and not isinstance(code, bool):
        raise PydanticCustomError(
            _OTP_MALFORMED, "must be a string of 6 digits; a number loses its leading zeros"
        )
    return code


def _six_digits(typed: str) -> str:
    """Return the code in ASCII: digits of any script, without spaces, hyphens and invisible characters."""
    code = without_separators(ascii_digits(typed)) if len(typed) <= _MAX_OTP_CHARS else ""
    if len(code) != _OTP_DIGITS or not (code.isascii() and code.isdecimal()):
        raise PydanticCustomError(_OTP_MALFORMED, "must be 6 digits; spaces and hyphens are ignored")
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
"""A short name that the user gives the device."""


class SignupIn(Request):
    """A new account. The number may have any common notation."""

    mobile_number: MobileNumber
    full_name: Name | None = None


class SignupOut(BaseModel):
    """The account; its number is not verified yet."""

    user: UserOut


class SendOtpIn(Request):
    """The number that the code is sent to."""

    mobile_number: MobileNumber


class SendOtpOut(BaseModel):
    """The same whether or not the number has an account. Times in seconds."""

    message: str
    expires_in: int
    resend_after: int
    otp: str | None = None
    """Only with `OTP_DELIVERY=response`, which production rejects."""


class VerifyOtpIn(Request):
    """The received code. The purpose defaults to `login`."""

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
