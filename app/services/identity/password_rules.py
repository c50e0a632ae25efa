"""Rejects passwords that are easy to guess: common ones, and the user's own number or name."""

import unicodedata
from functools import lru_cache
from pathlib import Path

from app.schemas.password import MIN_PASSWORD_CHARS

_COMMONEST = Path(__file__).with_name("common_passwords.txt")  # source and licence: the file beside it


def password_problem(password: str, *, mobile_number: str, full_name: str | None) -> str | None:
    """Return why the password is rejected, None if it is accepted."""
    folded = _folded(password)
    if folded in _commonest():
        return "is one of the commonest passwords"
    if _is_number(password, mobile_number):
        return "must not be your mobile number"
    if full_name is not None and _squeezed(folded) == _squeezed(_folded(full_name)):
        return "must not be your name"
    return None


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _squeezed(text: str) -> str:
    """Return the letters and digits only."""
    return "".join(character for character in text if character.isalnum())


def _is_number(password: str, mobile_number: str) -> bool:
    """Tell whether it is this number in any notation: country code, trunk zero and dashes are optional."""
    if any(character.isalpha() for character in password):
        return False
    digits = "".join(character for character in password if character.isdecimal()).lstrip("0")
    return len(digits) >= MIN_PASSWORD_CHARS - 1 and mobile_number.endswith(digits)


@lru_cache(maxsize=1)
def _commonest() -> frozenset[str]:
    """Read the commonest leaked passwords, folded, at the first use: workers need none."""
    return frozenset(_COMMONEST.read_text("utf-8").splitlines())
