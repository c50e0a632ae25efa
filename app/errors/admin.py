"""Errors of the admin API, and of commands about keys and users."""

from http import HTTPStatus

from app.errors.base import AppError


class AdminKeyRequired(AppError):
    """The admin key is missing, unknown or revoked."""

    status = HTTPStatus.UNAUTHORIZED
    code = "admin_key_required"
    detail = "Send a key of the admin API as a Bearer token."


class ScopeRequired(AppError):
    """The admin key does not have the scope `scope`."""

    status = HTTPStatus.FORBIDDEN
    code = "scope_required"
    detail = "This key does not have the required scope."

    def __init__(self, *, scope: str) -> None:
        super().__init__(members={"scope": scope})


class UserNotFound(AppError):
    """No account has this id or number."""

    status = HTTPStatus.NOT_FOUND
    code = "user_not_found"
    detail = "No account has this id or mobile number."


class AdminKeyNotFound(AppError):
    """No open key has this name."""

    status = HTTPStatus.NOT_FOUND
    code = "admin_key_not_found"
    detail = "No open key has this name."


class AdminKeyNameTaken(AppError):
    """An open key has this name."""

    status = HTTPStatus.CONFLICT
    code = "admin_key_name_taken"
    detail = "An open key has this name. Revoke it first, or take another name."
