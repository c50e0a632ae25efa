"""Passwords, refresh tokens and sessions that are refused."""

from typing import Final

from devtools.postman.folders.refusals.account import without_token
from devtools.postman.model import Folder, Request, differs_from, refusal

_NUMBER: Final = "{{other_mobile_number}}"
_FIRST: Final = "seven green umbrellas"
_SECOND: Final = "eight blue umbrellas"


def _log_in(name: str) -> Request:
    return Request(
        name=name,
        operation="log_in",
        status=200,
        body={"mobile_number": _NUMBER, "password": _FIRST},
        checks={"the second user": {"user.mobile_number": _NUMBER}},
        keep={"second_token": "access_token", "refresh_token": "refresh_token"},
    )


FOLDER: Final = Folder(
    "Passwords and sessions",
    "The second user sets a password, signs in with it twice more, and those sessions end.",
    (
        refusal(
            "Set a common password",
            "change_password",
            400,
            "validation_failed",
            at="/new_password",
            body={"new_password": "Password1"},
        ),
        Request(
            name="Set the first password of the second user",
            operation="change_password",
            status=200,
            body={"new_password": _FIRST},
            checks={"new tokens": {"access_token": differs_from("{{other_token}}")}},
            keep={"other_token": "access_token"},
        ),
        refusal(
            "Change the password without the old one",
            "change_password",
            400,
            "validation_failed",
            at="/old_password",
            body={"new_password": _SECOND},
        ),
        refusal(
            "Change the password with a wrong old one",
            "change_password",
            401,
            "credentials_invalid",
            body={"old_password": "not the old one", "new_password": _SECOND},
        ),
        without_token("Change the password", "change_password", body={"new_password": _SECOND}),
        refusal(
            "Log in with a wrong password",
            "log_in",
            401,
            "credentials_invalid",
            text="The same answer as for a number without an account. After five in a row from one "
            "network: 429, and "
            "each further one makes the wait longer.",
            body={"mobile_number": _NUMBER, "password": _SECOND},
        ),
        refusal(
            "Log in without a password",
            "log_in",
            400,
            "validation_failed",
            at="/password",
            body={"mobile_number": _NUMBER},
        ),
        _log_in("Log in on a second device of the second user"),
        Request(
            name="Find its session",
            operation="list_sessions",
            status=200,
            keep={"session_id": "sessions.find((session) => !session.current).id"},
        ),
        Request(
            name="Refresh its token",
            operation="refresh_session",
            status=200,
            body={"refresh_token": "{{refresh_token}}"},
            keep={"next_refresh_token": "refresh_token"},
        ),
        Request(
            name="Use the successor",
            operation="refresh_session",
            status=200,
            body={"refresh_token": "{{next_refresh_token}}"},
            checks={"a further one": {"refresh_token": differs_from("{{next_refresh_token}}")}},
        ),
        refusal(
            "Refresh with the first token, its successor used",
            "refresh_session",
            401,
            "refresh_reused",
            text="Another party holds this session, too, so it was ended.",
            body={"refresh_token": "{{refresh_token}}"},
        ),
        refusal(
            "Refresh a session that has ended",
            "refresh_session",
            401,
            "refresh_invalid",
            body={"refresh_token": "{{next_refresh_token}}"},
        ),
        refusal(
            "Use the token of a session that has ended",
            "get_me",
            401,
            "authentication_required",
            bearer="{{second_token}}",
        ),
        refusal("End a session that has ended", "end_session", 404, "session_not_found"),
        refusal(
            "End a session, id that is no UUID",
            "end_session",
            404,
            "session_not_found",
            path={"session_id": "not-a-uuid"},
        ),
        refusal(
            "List the sessions, bad cursor",
            "list_sessions",
            400,
            "cursor_invalid",
            query={"cursor": "garbage"},
        ),
        refusal(
            "Log out, unknown scope",
            "log_out",
            400,
            "validation_failed",
            at="/scope",
            body={"scope": "everybody"},
        ),
        _log_in("Log in on a third device of the second user"),
        Request(
            name="Log out on the third device of the second user",
            operation="log_out",
            status=204,
            bearer="{{second_token}}",
        ),
        refusal(
            "Use the third device, signed out",
            "get_me",
            401,
            "authentication_required",
            bearer="{{second_token}}",
        ),
    ),
)
