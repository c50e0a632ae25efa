"""Refresh tokens: only what this service signed has a number, and two numbers decide."""

import base64
import re
from uuid import UUID

import pytest

from app.services.identity.refresh_tokens import RefreshTokens, TokenState, is_counter, session_of

_SESSION, _OTHER = UUID(int=2**127 + 1), UUID(int=2**127 + 2)
_TOKENS = RefreshTokens(b"k" * 32)
_FORM_OF_EARLIER_RELEASES = re.compile(r"([0-9a-f]{32})\.[A-Za-z0-9_-]{43}")


@pytest.mark.parametrize("number", [0, 1, 1_000_000, 2**31 - 1])
def test_a_token_is_verified_to_its_session_and_number(number: int) -> None:
    token = _TOKENS.issue(_SESSION, number)
    assert (session_of(token), _TOKENS.number_of(token)) == (_SESSION, number)
    assert token == _TOKENS.issue(_SESSION, number)
    assert len(token) == 76


def test_tokens_differ_by_session_number_and_key() -> None:
    tokens = {
        _TOKENS.issue(_SESSION, 1),
        _TOKENS.issue(_SESSION, 2),
        _TOKENS.issue(_OTHER, 1).replace(_OTHER.hex, _SESSION.hex),
        RefreshTokens(b"q" * 32).issue(_SESSION, 1),
    }
    assert len(tokens) == 4


def test_earlier_releases_read_the_form_of_a_token() -> None:
    match = _FORM_OF_EARLIER_RELEASES.fullmatch(_TOKENS.issue(_SESSION, 7))
    assert match is not None
    assert match[1] == _SESSION.hex


def test_every_changed_character_makes_a_token_unknown() -> None:
    """Red when only the decoded bytes are compared: the last character has two bits to spare."""
    token = _TOKENS.issue(_SESSION, 7)
    for place, old in enumerate(token):
        for new in "0123456789abcdefABCDEFGHIJKLMNOPQRSTUVWXYZ-_.=é":
            if new != old:
                assert _TOKENS.number_of(token[:place] + new + token[place + 1 :]) is None


def test_a_token_of_another_session_or_key_is_unknown() -> None:
    other = _TOKENS.issue(_OTHER, 3)
    assert _TOKENS.number_of(other.replace(_OTHER.hex, _SESSION.hex)) is None
    assert _TOKENS.number_of(RefreshTokens(b"q" * 32).issue(_SESSION, 3)) is None


def _with_head(version: int, number: int) -> str:
    head = bytes([version]) + number.to_bytes(8, "big")
    return f"{_SESSION.hex}.{base64.urlsafe_b64encode(head + bytes(23)).decode().rstrip('=')}"


def test_version_and_number_tell_a_counter_from_a_chained_token() -> None:
    assert is_counter(_with_head(1, 0))
    assert is_counter(_with_head(1, 2**31 - 1))
    for chained in (_with_head(0, 0), _with_head(2, 0), _with_head(1, 2**31), _with_head(1, 2**64 - 1)):
        assert not is_counter(chained)
        assert _TOKENS.number_of(chained) is None


@pytest.mark.parametrize("text", ["", ".", "garbage", "A" * 76, "é" * 76, "0" * 32 + "." + "A" * 42])
def test_text_of_another_form_names_no_session(text: str) -> None:
    assert (session_of(text), _TOKENS.number_of(text), is_counter(text)) == (None, None, False)


@pytest.mark.parametrize(
    ("number", "state"),
    [
        (None, TokenState.UNKNOWN),
        (0, TokenState.REUSED),
        (3998, TokenState.REUSED),
        (3999, TokenState.PREVIOUS),
        (4000, TokenState.CURRENT),
        (4001, TokenState.UNKNOWN),
    ],
)
def test_the_number_decides_the_state(number: int | None, state: TokenState) -> None:
    assert TokenState.of(number, count=4000) is state


def test_a_session_without_a_refresh_has_no_previous_token() -> None:
    assert TokenState.of(0, count=0) is TokenState.CURRENT
    assert TokenState.of(1, count=0) is TokenState.UNKNOWN
