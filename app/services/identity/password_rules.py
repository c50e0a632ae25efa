"""Which passwords are too easy to guess: the commonest, and what everybody knows of their owner."""

import unicodedata
from functools import lru_cache
from pathlib import Path

from app.schemas.password import MIN_PASSWORD_CHARS

_COMMONEST = Path(__file__).with_name("common_passwords.txt")  # source and licence: the file beside it


def password_problem(password: str, *, mobile_number: str, full_name: str | None) -> str | None:
    """Why this person must not have this password; None if they may."""
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
    """Letters and digits only."""
    return "".join(character for character in text if character.isalnum())


def _is_number(password: str, mobile_number: str) -> bool:
    """Whether it is this number, in whatever writing: with or without country code, trunk zero, dashes."""
    if any(character.isalpha() for character in password):
        return False
    digits = "".join(character for character in password if character.isdecimal()).lstrip("0")
    return len(digits) >= MIN_PASSWORD_CHARS - 1 and mobile_number.endswith(digits)


@lru_cache(maxsize=1)
def _commonest() -> frozenset[str]:
    """Read the commonest leaked passwords, folded; read at the first use, since workers set no passwords."""
    return frozenset(_COMMONEST.read_text("utf-8").splitlines())
