"""Which passwords are too easy to guess: the commonest, and what everybody knows of their owner."""

import unicodedata
from functools import lru_cache

from app.schemas.password import MIN_PASSWORD_CHARS


def objection_to(password: str, *, mobile_number: str, full_name: str | None) -> str | None:
    """Why this person must not have this password; None if they may. Reads a list at first: 0.1 s."""
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
    """What zxcvbn counted in leaked passwords: of the 30,000 most frequent, those long enough to matter."""
    # Read only where passwords are set: it takes a while, and memory that workers need not spend.
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # type: ignore[import-untyped]  # noqa: PLC0415

    words: list[str] = FREQUENCY_LISTS["passwords"]
    return frozenset(_folded(word) for word in words if len(word) >= MIN_PASSWORD_CHARS)
