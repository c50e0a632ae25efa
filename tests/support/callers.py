"""Users and strangers who call from different networks, at an API process that believes `X-Forwarded-For`."""

import secrets

import httpx

from tests.support.person import Json, Person, client, ok, some_number


def sign_up_from(base_url: str, address: str) -> Person:
    """Sign somebody up who calls from this address, then and later."""
    number = some_number()
    with client(base_url, {"X-Forwarded-For": address}) as anyone:
        ok(anyone.post("/auth/signup", json={"mobile_number": number}))
        otp = ok(anyone.post("/auth/send-otp", json={"mobile_number": number}))["otp"]
        tokens: Json = ok(anyone.post("/auth/verify-otp", json={"mobile_number": number, "otp": otp}))
    person = Person(base_url, number, tokens)
    person.http.headers["X-Forwarded-For"] = address
    return person


def log_in_from(base_url: str, address: str, number: str, password: str) -> httpx.Response:
    """Try to sign in with a password from this address."""
    with client(base_url, {"X-Forwarded-For": address}) as anyone:
        return anyone.post("/auth/login", json={"mobile_number": number, "password": password})


def some_network() -> str:
    """A /64 of IPv6 that no other test uses, up to its last group."""
    return f"2001:db8:{secrets.randbelow(2**16):x}:{secrets.randbelow(2**16):x}::"
