"""Purposes of one-time codes and methods of sign-in, with the values that API and database store."""

from enum import StrEnum, auto


class OtpPurpose(StrEnum):
    """The use that a code was sent for; it is valid for no other."""

    LOGIN = auto()
    PASSWORD_RESET = auto()


class SignInMethod(StrEnum):
    """How a session was opened: with a password, or with a code of this purpose."""

    LOGIN = auto()
    PASSWORD = auto()
    PASSWORD_RESET = auto()
