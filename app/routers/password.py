"""Passwords: signing in with one, and setting it."""

from fastapi import APIRouter

from app.dependencies import CallingDevice, Services, User
from app.errors import CredentialsInvalid, PasswordAttemptsExceeded
from app.openapi import failures
from app.schemas.auth import TokensOut
from app.schemas.password import ChangePasswordIn, LoginIn, PasswordChangedOut

router = APIRouter(prefix="/auth", tags=["authentication"])


@router.post(
    "/login",
    operation_id="log_in",
    responses=failures(CredentialsInvalid, PasswordAttemptsExceeded, body=True),
)
async def log_in(body: LoginIn, device: CallingDevice, services: Services) -> TokensOut:
    """Sign in with a password.

    After five tries in a row for a number each further one has to wait: 2, 4, 8 … 900 seconds, the right
    password, too. Signing in with a code stays possible, so nobody can be locked out by others.
    """
    return await services.passwords.log_in(
        mobile_number=body.mobile_number, password=body.password, device=device
    )


@router.post(
    "/change-password",
    operation_id="change_password",
    responses=failures(CredentialsInvalid, PasswordAttemptsExceeded, body=True, signed_in=True),
)
async def change_password(body: ChangePasswordIn, user: User, services: Services) -> PasswordChangedOut:
    """Set a password; all other sessions end.

    The first one needs no old one, nor does a session that was opened with a `password_reset` code in the
    last 10 minutes. A wrong old password counts like a wrong login. Common passwords, your number and your
    name are refused.
    """
    await services.passwords.change(user, old_password=body.old_password, new_password=body.new_password)
    return PasswordChangedOut(message="The password was set. All other sessions have ended.")
