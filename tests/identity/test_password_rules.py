"""Common passwords are refused, also in look-alike letters."""

import unicodedata
from pathlib import Path

import pytest

from app.schemas.password import MIN_PASSWORD_CHARS
from app.services.identity import password_rules

LIST = Path(password_rules.__file__).with_name("common_passwords.txt")


def _refusal(password: str) -> str | None:
    return password_rules.password_problem(password, mobile_number="+14155550100", full_name="Ada Test")


def test_the_list_is_whole_and_in_the_form_that_is_compared() -> None:
    words = LIST.read_text("utf-8").splitlines()
    assert len(words) == 11611
    assert words == sorted(set(words))
    for word in words:
        assert len(word) >= MIN_PASSWORD_CHARS
        assert word == unicodedata.normalize("NFKC", word).casefold()


@pytest.mark.parametrize(
    "password",
    ["password", "12345678", "qwertyuiop", "1qaz2wsx", "trustno1", "!qaz2wsx", "%e2%82%ac", "zzzzzzz1"],
)
def test_a_common_password_is_refused_in_every_notation(password: str) -> None:
    full_width = "".join(chr(ord(character) + 0xFEE0) for character in password)
    for written in (password, password.upper(), password.title(), full_width):
        assert _refusal(written) == "is one of the commonest passwords"


@pytest.mark.parametrize("password", ["correct horse battery", "password but longer", "tr0ub4dor&3x"])
def test_any_other_password_is_accepted(password: str) -> None:
    assert _refusal(password) is None
