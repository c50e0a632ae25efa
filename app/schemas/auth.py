"""Requests and answers of signing in."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, StringConstraints

from app.schemas.base import STORABLE, Name, Request
from app.schemas.user import UserOut

_OTP_DIGITS = 6


def _six_digits(code: str) -> str:
    if len(code) != _OTP_DIGITS or not (code.isascii() and code.isdecimal()):
        raise ValueError(f"must be {_OTP_DIGITS} digits")
    return code


MobileNumber = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40), STORABLE]
Otp = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(_six_digits)]


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
    """The code that was received."""

    mobile_number: MobileNumber
    otp: Otp
    purpose: Literal["login", "password_reset"] = "login"


class TokensOut(BaseModel):
    """A session's tokens; lifetimes in seconds."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105  # the name of a scheme
    expires_in: int
    refresh_token: str
    refresh_expires_in: int
    user: UserOut
