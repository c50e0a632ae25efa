"""Passwords, further devices and their sessions."""

from typing import Final

from devtools.postman.model import A_TIME, SOME_TEXT, Checks, Folder, Request, count, differs_from, matches

_PASSWORD: Final = "eight blue umbrellas"  # noqa: S105 - of a user that the collection makes up
_NEW_TOKENS: Final[Checks] = {
    "a new pair of tokens for this session": {
        "message": SOME_TEXT,
        "access_token": differs_from("{{auth_token}}"),
        "user.has_password": True,
    }
}
_TOKENS: Final[Checks] = {
    "tokens of the user for a day": {
        "token_type": "bearer",
        "expires_in": 86400,
        "user.mobile_number": "{{mobile_number}}",
        "user.has_password": True,
    }
}
_OTHER: Final = "sessions.find((session) => !session.current)"
_TWO_SESSIONS: Final[Checks] = {
    "two sessions, one of them this": {
        "sessions": count(2),
        "sessions.filter((session) => session.current).length": 1,
        "next_cursor": None,
        f"{_OTHER}.device_name": "Ada's phone",
        "sessions[0].created_at": A_TIME,
        "sessions[0].last_used_at": A_TIME,
    }
}


def _log_in(name: str, device: str) -> Request:
    return Request(
        name=name,
        operation="log_in",
        status=200,
        body={"mobile_number": "{{mobile_number}}", "password": _PASSWORD, "device_name": device},
        checks=_TOKENS,
        keep={"second_token": "access_token", "refresh_token": "refresh_token"},
    )


def _refresh(name: str, variable: str, successor: Checks, *, keep: str = "", text: str = "") -> Request:
    return Request(
        name=name,
        operation="refresh_session",
        status=200,
        text=text,
        body={"refresh_token": f"{{{{{variable}}}}}"},
        checks={**_TOKENS, **successor},
        keep={keep: "refresh_token"} if keep else {},
    )


FOLDER: Final = Folder(
    "Passwords and sessions",
    "A user may set a password and sign in with it on further devices. Each sign-in is a session with a "
    "refresh "
    "token of its own.",
    (
        Request(
            name="Set the first password",
            operation="change_password",
            status=200,
            text="The first password needs no old one, but a sign-in of the last ten minutes. All other "
            "sessions end, "
            "and so do this session's tokens from before; the answer holds new ones.",
            body={"new_password": "seven green umbrellas"},
            checks=_NEW_TOKENS,
            keep={"auth_token": "access_token"},
        ),
        Request(
            name="Change the password",
            operation="change_password",
            status=200,
            body={"old_password": "seven green umbrellas", "new_password": _PASSWORD},
            checks=_NEW_TOKENS,
            keep={"auth_token": "access_token"},
        ),
        _log_in("Log in on a second device", "Ada's phone"),
        Request(
            name="List the sessions",
            operation="list_sessions",
            status=200,
            text="`device_name` is the name that was sent at sign-in, `device` the User-Agent, `client` a "
            "short form of it.",
            checks=_TWO_SESSIONS,
            keep={"session_id": f"{_OTHER}.id"},
        ),
        _refresh(
            "Refresh",
            "refresh_token",
            {"another refresh token": {"refresh_token": differs_from("{{refresh_token}}")}},
            keep="next_refresh_token",
        ),
        _refresh(
            "Refresh again, since the answer was lost",
            "refresh_token",
            {"the same successor": {"refresh_token": "{{next_refresh_token}}"}},
            text="The same refresh token has the same successor, until that is used.",
        ),
        _refresh("Refresh with the successor", "next_refresh_token", {}),
        Request(
            name="End the second device's session",
            operation="end_session",
            status=204,
            checks={"no body": {"text()": ""}},
        ),
        _log_in("Log in on a third device", "Ada's tablet"),
        Request(
            name="Log out on the third device",
            operation="log_out",
            status=204,
            bearer="{{second_token}}",
            checks={"no body": {"text()": ""}},
        ),
        Request(
            name="Log out everywhere else",
            operation="log_out",
            status=204,
            body={"scope": "others"},
            checks={"no body": {"text()": ""}},
        ),
        Request(
            name="Forgot the password",
            operation="forgot_password",
            status=200,
            text="The code opens a session in which a new password needs no old one. As with any code, "
            "the answer is the "
            "same for a number without an account.",
            body={"mobile_number": "{{mobile_number}}"},
            checks={
                "a code, valid for five minutes": {
                    "message": SOME_TEXT,
                    "expires_in": 300,
                    "resend_after": 30,
                },
                "the code is in the answer (the server runs with OTP_DELIVERY=response)": {
                    "otp": matches("^[0-9]{6}$")
                },
            },
            keep={"otp": "otp"},
            saved={"otp": "042137"},
        ),
        Request(
            name="Sign in with that code, to set a new password",
            operation="verify_otp",
            status=200,
            body={"mobile_number": "{{mobile_number}}", "otp": "{{otp}}", "purpose": "password_reset"},
            checks={**_TOKENS, "another session": {"access_token": differs_from("{{auth_token}}")}},
            keep={"second_token": "access_token"},
        ),
        Request(
            name="Set the new password without the old one",
            operation="change_password",
            status=200,
            text="Sent from the session of that code; all other sessions end.",
            bearer="{{second_token}}",
            body={"new_password": "nine grey umbrellas"},
            checks=_NEW_TOKENS,
            keep={"auth_token": "access_token"},
        ),
    ),
)
