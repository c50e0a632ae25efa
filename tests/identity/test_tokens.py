"""Tokens: only what this service signed, complete and in time, is accepted, for its session and user."""

import base64
import json
import time
import uuid
from collections.abc import Callable

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.codes import api_processes
from tests.support.refresh_tokens import signed_token
from tests.support.sessions import refresh
from tests.support.stack import Stack
from tests.support.user import Json, User, client, ok, problem

Forge = Callable[[Json, str], str]
"""Makes a token from the claims of a good one and the service's key."""

_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_PUBLIC_PEM = _RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
_NESTED = base64.urlsafe_b64encode(b"[" * 1400).decode().rstrip("=")


def _part(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def _signed(claims: Json, key: str, **headers: str) -> str:
    return jwt.encode(claims, key, algorithm="HS256", headers=headers)


def _without(name: str) -> Forge:
    return lambda claims, key: _signed({claim: claims[claim] for claim in claims if claim != name}, key)


def _with(**changes: object) -> Forge:
    return lambda claims, key: _signed({**claims, **changes}, key)


def _keyed_by_the_public_key(claims: Json, _key: str) -> str:
    """PyJWT refuses to sign with a public key; an attacker does not use PyJWT."""
    signing = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
    whole = jwt.get_algorithm_by_name("HS256")
    signature = whole.sign(signing.encode(), _PUBLIC_PEM)
    return f"{signing}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


_FORGERIES: dict[str, Forge] = {
    "alg none": lambda claims, _: jwt.encode(claims, "", algorithm="none"),
    "alg None": lambda claims, _: f"{_part({'alg': 'None'})}.{_part(claims)}.",
    "signed by RS256": lambda claims, _: jwt.encode(claims, _RSA, algorithm="RS256"),
    "HS256 under a public key": _keyed_by_the_public_key,
    "HS512 under our key": lambda claims, key: jwt.encode(claims, key.encode() * 2, algorithm="HS512"),
    "another key": lambda claims, _: _signed(claims, "another key, long enough to be taken"),
    "empty key": lambda claims, _: jwt.encode(claims, "\0" * 32, algorithm="HS256"),
    "claims swapped": lambda claims, key: ".".join(
        (
            _signed(claims, key).split(".")[0],
            _part({**claims, "exp": 2**33}),
            _signed(claims, key).split(".")[2],
        )
    ),
    "signature cut": lambda claims, key: _signed(claims, key).rpartition(".")[0] + ".",
    "key in the header": lambda claims, _: _signed(claims, "k" * 32, kid="../../dev/null", jku="http://x"),
    "expired 40 s ago": lambda claims, key: _signed({**claims, "exp": int(time.time()) - 40}, key),
    "issued in 40 s": lambda claims, key: _signed({**claims, "iat": int(time.time()) + 40}, key),
    "from the future": lambda claims, key: _signed({**claims, "iat": int(time.time()) + 3600}, key),
    **{f"without {name}": _without(name) for name in ("exp", "iat", "sub", "sid", "jti")},
    "sub without a user": _with(sub=str(uuid.uuid4())),
    "sub no UUID": _with(sub="admin"),
    "sid no text": _with(sid=5),
    "sid no session": _with(sid=str(uuid.uuid4())),
    "nested header": lambda _, __: f"{_NESTED}.e30.AA",
    "nested claims": lambda _, key: f"{_part({'alg': 'HS256'})}.{_NESTED}.{key}",
    "40 kB": lambda claims, key: _signed({**claims, "padding": "x" * 30_000}, key),
    "no token": lambda _, __: "a.b.c",
    "bytes": lambda _, __: "\xff\xfe\x80",
}


def _claims(stack: Stack, user: User) -> Json:
    key = stack.settings["JWT_SECRET_KEY"]
    claims: Json = jwt.decode(user.token, key, algorithms=["HS256"])
    return claims


def _ask(stack: Stack, authorization: str) -> httpx.Response:
    with client(stack.base_url) as anyone:
        return anyone.get("/user/me", headers={b"Authorization": authorization.encode("latin-1")})


def test_a_token_holds_the_documented_claims_and_no_more(stack: Stack, user: User) -> None:
    claims = _claims(stack, user)
    assert claims.keys() == {"sub", "sid", "iat", "exp", "jti"}
    assert (claims["sub"], claims["exp"] - claims["iat"]) == (user.id, 86400)
    assert jwt.get_unverified_header(user.token)["alg"] == "HS256"


@pytest.mark.parametrize("name", _FORGERIES)
def test_a_forged_or_incomplete_token_is_refused(stack: Stack, user: User, name: str) -> None:
    """Red for "40 kB" without a bound: it is signed well, but nothing that long is one of ours."""
    claims, key = _claims(stack, user), stack.settings["JWT_SECRET_KEY"]
    assert _ask(stack, f"Bearer {_signed(claims, key)}").is_success
    answer = _ask(stack, f"Bearer {_FORGERIES[name](claims, key)}")
    problem(answer, 401, "authentication_required")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_session_of_another_user_is_refused(stack: Stack, user: User) -> None:
    """Red when a session is found by its id alone: in its row, or in the cache of the process."""
    stranger = stack.user()
    mixed = {**_claims(stack, user), "sid": _claims(stack, stranger)["sid"]}
    token = _signed(mixed, stack.settings["JWT_SECRET_KEY"])
    problem(_ask(stack, f"Bearer {token}"), 401, "authentication_required")
    assert stranger.http.get("/user/me").is_success
    problem(_ask(stack, f"Bearer {token}"), 401, "authentication_required")
    assert stranger.http.get("/user/me").is_success


def test_access_and_refresh_tokens_are_not_interchangeable(stack: Stack, user: User) -> None:
    problem(_ask(stack, f"Bearer {user.tokens['refresh_token']}"), 401, "authentication_required")
    problem(refresh(stack.base_url, user.token), 401, "refresh_invalid")


def test_the_scheme_is_bearer_in_any_case_and_no_other(stack: Stack, user: User) -> None:
    for scheme in ("Bearer", "bearer", "BEARER"):
        assert _ask(stack, f"{scheme} {user.token}").is_success
    for wrong in ("Basic", "Token", "Bearer,", "JWT"):
        problem(_ask(stack, f"{wrong} {user.token}"), 401, "authentication_required")
    for bare in (user.token, "Bearer", f"Bearer {user.token} {user.token}"):
        problem(_ask(stack, bare), 401, "authentication_required")


def test_refresh_tokens_are_numbered_from_the_sign_in(stack: Stack, user: User) -> None:
    token = user.tokens["refresh_token"]
    for number in range(4):
        assert token == signed_token(stack, user, number)
        token = ok(refresh(stack.base_url, token))["refresh_token"]


@pytest.mark.parametrize("ahead", [1, 2, 1000])
def test_a_refresh_token_newer_than_the_session_is_unknown_and_ends_nothing(
    stack: Stack, user: User, ahead: int
) -> None:
    """As after a restored backup. Red when every signed number is accepted."""
    problem(refresh(stack.base_url, signed_token(stack, user, ahead)), 401, "refresh_invalid")
    assert user.http.get("/user/me").is_success
    assert refresh(stack.base_url, user.tokens["refresh_token"]).is_success


def test_a_refresh_token_of_another_session_is_unknown(stack: Stack, user: User) -> None:
    """Red when the signature does not cover the session."""
    stranger = stack.user()
    mine, theirs = user.tokens["refresh_token"], stranger.tokens["refresh_token"]
    mixed = theirs.partition(".")[0] + "." + mine.partition(".")[2]
    problem(refresh(stack.base_url, mixed), 401, "refresh_invalid")
    for token in (mine, theirs):
        assert refresh(stack.base_url, token).is_success


def test_a_refresh_token_signed_with_another_key_is_unknown(stack: Stack, user: User) -> None:
    """A new `JWT_SECRET_KEY` ends every session. Red when the stored hash is enough for a signed token."""
    other_key = "another secret key of at least 32 bytes"
    with api_processes(stack, 1, JWT_SECRET_KEY=other_key) as [url]:
        problem(refresh(url, user.tokens["refresh_token"]), 401, "refresh_invalid")
    assert refresh(stack.base_url, user.tokens["refresh_token"]).is_success
