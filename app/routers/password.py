"""Sign-in with a password, and changes of the password."""

from fastapi import APIRouter

from app.dependencies import CallingDevice, Services, User
from app.errors import AccountSuspended, CredentialsInvalid, PasswordAttemptsExceeded, RecentSignInRequired
from app.openapi import error_responses
from app.routing import Route
from app.schemas.auth import TokensOut
from app.schemas.password import ChangePasswordIn, LoginIn, PasswordChangedOut

router = APIRouter(prefix="/auth", tags=["authentication"], route_class=Route)


@router.post(
    "/login",
    operation_id="log_in",
    summary="Sign in with a password",
    responses=error_responses(CredentialsInvalid, PasswordAttemptsExceeded, AccountSuspended, body=True),
)
async def log_in(body: LoginIn, device: CallingDevice, services: Services) -> TokensOut:
    """Sign in with a password.

    Attempts count per number and network (an IPv4 address, an IPv6 /64). After five wrong passwords in a
    row, every further attempt must wait 2, 4, 8 … 900 seconds, even with the correct password. All networks
    that never signed this number in share a limit of fifty. Attempts of others do not affect a network that
    signed the number in before. Sign-in with a code is always possible.
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
    responses=error_responses(
        CredentialsInvalid, PasswordAttemptsExceeded, RecentSignInRequired, body=True, signed_in=True
    ),
)
async def change_password(
    body: ChangePasswordIn, user: User, device: CallingDevice, services: Services
) -> PasswordChangedOut:
    """Set a password and get a new pair of tokens for this session.

    All other sessions and the earlier tokens of this session end within 5 seconds. The session continues
    under a new id.

    The first password requires a sign-in within the last 10 minutes. A later one requires the old password,
    unless the session was opened with a `password_reset` code within the last 10 minutes. A wrong old
    password counts like a failed sign-in. Common passwords, your number and your name are rejected.
    """
    tokens = await services.passwords.change(
        user, old_password=body.old_password, new_password=body.new_password, device=device
    )
    return PasswordChangedOut(
        **dict(tokens), message="The password was set. All earlier tokens and other sessions have ended."
    )
