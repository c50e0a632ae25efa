"""Sessions on the client's side: refresh one, and open more of the same user."""

import httpx

from tests.support.stack import Stack
from tests.support.user import Json, User, client, ok

PASSWORD = "seven green umbrellas"


def refresh(base_url: str, refresh_token: str) -> httpx.Response:
    """Present a refresh token."""
    with client(base_url) as anyone:
        return anyone.post("/auth/refresh", json={"refresh_token": refresh_token})


def give_password(user: User, password: str = PASSWORD) -> None:
    """Set the user's first password, and use the tokens of the response."""
    user.take(ok(user.http.post("/auth/change-password", json={"new_password": password})))


def log_in(base_url: str, mobile_number: str, password: str = PASSWORD) -> httpx.Response:
    """Try to sign in with a password."""
    with client(base_url) as anyone:
        return anyone.post("/auth/login", json={"mobile_number": mobile_number, "password": password})


def another_session(stack: Stack, user: User, password: str = PASSWORD) -> User:
    """Sign the user in on another device with this password."""
    tokens: Json = ok(log_in(stack.base_url, user.mobile_number, password))
    return User(stack.base_url, user.mobile_number, tokens)
