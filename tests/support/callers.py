"""Clients in different networks of an API process that trusts `X-Forwarded-For`."""

import secrets

import httpx

from tests.support.user import Json, User, client, ok, some_number


def sign_up_from(base_url: str, address: str) -> User:
    """Sign up a user whose requests all come from this address."""
    number = some_number()
    with client(base_url, {"X-Forwarded-For": address}) as anyone:
        ok(anyone.post("/auth/signup", json={"mobile_number": number}))
        otp = ok(anyone.post("/auth/send-otp", json={"mobile_number": number}))["otp"]
        tokens: Json = ok(anyone.post("/auth/verify-otp", json={"mobile_number": number, "otp": otp}))
    user = User(base_url, number, tokens)
    user.http.headers["X-Forwarded-For"] = address
    return user


def log_in_from(base_url: str, address: str, number: str, password: str) -> httpx.Response:
    """Try to sign in with a password from this address."""
    with client(base_url, {"X-Forwarded-For": address}) as anyone:
        return anyone.post("/auth/login", json={"mobile_number": number, "password": password})


def some_network() -> str:
    """Return an IPv6 /64 that no other test uses, up to its last group."""
    return f"2001:db8:{secrets.randbelow(2**16):x}:{secrets.randbelow(2**16):x}::"
