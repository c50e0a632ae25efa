"""Requests and answers about passwords."""

from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.schemas.auth import DeviceName, MobileNumber, TokensOut
from app.schemas.base import Request, Text

MIN_PASSWORD_CHARS, MAX_PASSWORD_CHARS = 8, 128


def _password_schema(least: int) -> WithJsonSchema:
    return WithJsonSchema(
        {
            "type": "string",
            "format": "password",
            "minLength": least,
            "maxLength": MAX_PASSWORD_CHARS,
            "writeOnly": True,
        }
    )


def _long_enough(password: str) -> str:
    if not MIN_PASSWORD_CHARS <= len(password) <= MAX_PASSWORD_CHARS:
        raise PydanticCustomError(
            "password_length", f"must have {MIN_PASSWORD_CHARS} to {MAX_PASSWORD_CHARS} characters"
        )
    return password


def _possible(password: str) -> str:
    if not 1 <= len(password) <= MAX_PASSWORD_CHARS:
        raise PydanticCustomError("password_length", f"must have 1 to {MAX_PASSWORD_CHARS} characters")
    return password


NewPassword = Annotated[Text, AfterValidator(_long_enough), _password_schema(MIN_PASSWORD_CHARS)]
"""Any characters, taken as they come; the commonest passwords are refused later."""

GivenPassword = Annotated[Text, AfterValidator(_possible), _password_schema(1)]
"""A password as given at sign-in; one that is longer than any can be is rejected without a comparison."""


class LoginIn(Request):
    """A number and its password."""

    mobile_number: MobileNumber
    password: GivenPassword
    device_name: DeviceName | None = None


class ChangePasswordIn(Request):
    """The new password, and the old one if there is one."""

    old_password: GivenPassword | None = None
    new_password: NewPassword


class PasswordChangedOut(TokensOut):
    """The password was set; the tokens replace those that the session had."""

    message: str
