"""The account without a token, and changes of it that are refused."""

from typing import Final

from devtools.postman.model import Checks, Folder, Request, refusal

_ASKS: Final[Checks] = {"it asks for a Bearer token": {"WWW-Authenticate": "Bearer"}}


def without_token(
    name: str, operation: str, *, body: object = None, query: dict[str, str] | None = None
) -> Request:
    """Return a request without a token, which every operation of a user refuses."""
    return refusal(
        f"{name}, without a token",
        operation,
        401,
        "authentication_required",
        body=body,
        query=query,
        bearer="",
        checks=_ASKS,
    )


FOLDER: Final = Folder(
    "Account",
    "Requests about the account.",
    (
        without_token("Show the account", "get_me"),
        refusal(
            "Show the account, with a forged token",
            "get_me",
            401,
            "authentication_required",
            bearer="{{other_token}}x",
            checks=_ASKS,
        ),
        refusal(
            "Show a closed account",
            "get_me",
            401,
            "authentication_required",
            bearer="{{leaver_token}}",
            text="The token of an account that was closed does not count any more.",
        ),
        refusal(
            "Delete a closed account again",
            "delete_me",
            401,
            "authentication_required",
            bearer="{{leaver_token}}",
        ),
        refusal("Change nothing", "update_me", 400, "validation_failed", at="", body={}),
        refusal(
            "Change the name to blanks",
            "update_me",
            400,
            "validation_failed",
            at="/full_name",
            body={"full_name": "  "},
        ),
        refusal(
            "Use of too many days",
            "get_my_usage",
            400,
            "validation_failed",
            at="/query/days",
            query={"days": "366"},
        ),
        without_token("Download everything", "export_me"),
    ),
)
