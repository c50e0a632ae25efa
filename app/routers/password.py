"""Sign-in with a password, and password changes."""

from fastapi import APIRouter

from app.dependencies import CallingDevice, Services, User
from app.errors import CredentialsInvalid, PasswordAttemptsExceeded, RecentSignInRequired
from app.openapi import failures
from app.schemas.auth import TokensOut
from app.schemas.password import ChangePasswordIn, LoginIn, PasswordChangedOut

router = APIRouter(prefix="/auth", tags=["authentication"])


@router.post(
    "/login",
    operation_id="log_in",
    summary="Sign in with a password",
    responses=failures(CredentialsInvalid, PasswordAttemptsExceeded, body=True),
)
async def log_in(body: LoginIn, device: CallingDevice, services: Services) -> TokensOut:
    """Sign in with a password.

    Attempts count per number and network (an IPv4 address, an IPv6 /64). After five wrong passwords in a row
    each further attempt has to wait, also with the right one: 2, 4, 8 … 900 seconds. All networks that never
    signed this number in share a limit of fifty. A network that signed the number in before is not affected
    by the attempts of others. Signing in with a code remains possible.
    """
    return await services.passwords.log_in(
        mobile_number=body.mobile_number,
        password=body.password,
        device=device,
        device_name=body.device_name,
    )


@router.post(
    "/change-password",
    operation_id="change_password",
    summary="Set or change the password",
    responses=failures(
        CredentialsInvalid, PasswordAttemptsExceeded, RecentSignInRequired, body=True, signed_in=True
    ),
)
async def change_password(
    body: ChangePasswordIn, user: User, device: CallingDevice, services: Services
) -> PasswordChangedOut:
    """Set a password and get a new pair of tokens for this session.

    All other sessions end, and so do this session's earlier access and refresh tokens, on every process
    within 5 seconds. The session continues with a new id.

    The first password needs no old one, but a sign-in of the last 10 minutes. Later changes need the old
    password, except in a session that was opened with a `password_reset` code in the last 10 minutes. A wrong
    old password counts as a wrong sign-in. Common passwords, your number and your name are refused.
    """
    tokens = await services.passwords.change(
        user, old_password=body.old_password, new_password=body.new_password, device=device
    )
    return PasswordChangedOut(
        **dict(tokens), message="The password was set. All earlier tokens and other sessions have ended."
    )
