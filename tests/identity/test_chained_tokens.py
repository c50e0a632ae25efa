"""Refresh tokens of earlier releases: they count until they expire, and are replaced by signed ones."""

import pytest

from tests.support.refresh_tokens import chain_session, rotate_as_before, signed_token
from tests.support.sessions import give_password, refresh
from tests.support.stack import Stack
from tests.support.user import User, ok, problem


def _refreshed(stack: Stack, token: str) -> str:
    successor: str = ok(refresh(stack.base_url, token))["refresh_token"]
    return successor


@pytest.mark.parametrize("refreshes", [0, 3, 1500])
def test_a_chained_token_is_exchanged_for_a_signed_one(stack: Stack, user: User, refreshes: int) -> None:
    """Twice, as after a lost response. Red for the second time when its hash is not kept."""
    chain = chain_session(stack, user, refreshes=refreshes)
    successor = _refreshed(stack, chain[-1])
    assert successor == signed_token(stack, user, refreshes + 1)
    assert _refreshed(stack, chain[-1]) == successor
    following = _refreshed(stack, successor)
    assert following == signed_token(stack, user, refreshes + 2)
    assert _refreshed(stack, successor) == following
    assert ok(user.http.get("/user/me"))


def test_the_chained_token_before_the_current_one_gets_the_signed_form_of_the_current_one(
    stack: Stack, user: User
) -> None:
    """Its response was lost before the upgrade; the other tab's chained token counts as well."""
    chain = chain_session(stack, user, refreshes=4)
    current = _refreshed(stack, chain[3])
    assert current == signed_token(stack, user, 4)
    assert _refreshed(stack, chain[4]) == _refreshed(stack, current)


@pytest.mark.parametrize("steps", [0, 1, 2, 1000])
def test_a_chained_token_whose_successor_was_used_ends_the_session(
    stack: Stack, user: User, steps: int
) -> None:
    """Red when the hash is kept without its number: the last chained token counts as the one before."""
    chain = chain_session(stack, user, refreshes=1003)
    _refreshed(stack, _refreshed(stack, chain[-1]))
    problem(refresh(stack.base_url, chain[-1 - steps]), 401, "refresh_reused")
    problem(refresh(stack.base_url, signed_token(stack, user, 1005)), 401, "refresh_invalid")
    problem(user.http.get("/user/me"), 401, "authentication_required")


def test_a_reused_chained_token_ends_a_session_that_has_no_signed_token_yet(stack: Stack, user: User) -> None:
    chain = chain_session(stack, user, refreshes=2)
    problem(refresh(stack.base_url, chain[0]), 401, "refresh_reused")
    problem(refresh(stack.base_url, chain[2]), 401, "refresh_invalid")


@pytest.mark.parametrize("is_upgraded", [False, True])
def test_an_invented_chained_token_ends_nothing(stack: Stack, user: User, *, is_upgraded: bool) -> None:
    chain = chain_session(stack, user, refreshes=3)
    current = _refreshed(stack, chain[-1]) if is_upgraded else chain[-1]
    invented = current.partition(".")[0] + "." + "B" * 43
    problem(refresh(stack.base_url, invented), 401, "refresh_invalid")
    assert refresh(stack.base_url, current).is_success


def test_a_process_of_an_earlier_release_rotates_signed_tokens(stack: Stack, user: User) -> None:
    """Red when the row does not hold the hash of the signed token: it signs the user out."""
    first = _refreshed(stack, user.tokens["refresh_token"])
    chained = rotate_as_before(stack, user, first)
    assert _refreshed(stack, first) == signed_token(stack, user, 2)
    successor = _refreshed(stack, chained)
    assert successor == signed_token(stack, user, 3)
    assert _refreshed(stack, chained) == successor
    problem(refresh(stack.base_url, first), 401, "refresh_reused")


def test_a_new_password_ends_chained_tokens(stack: Stack, user: User) -> None:
    chain = chain_session(stack, user, refreshes=2)
    upgraded = _refreshed(stack, chain[-1])
    give_password(user)
    for token in (*chain, upgraded):
        problem(refresh(stack.base_url, token), 401, "refresh_invalid")
    assert refresh(stack.base_url, user.tokens["refresh_token"]).is_success
