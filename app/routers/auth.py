"""Sign-up, and sign-in with a code."""

from http import HTTPStatus

from fastapi import APIRouter

from app.dependencies import CallingDevice, Services
from app.errors import (
    CountryNotAllowed,
    MobileNumberTaken,
    OtpAttemptsExceeded,
    OtpInvalid,
    OtpLimitReached,
    OtpResendTooSoon,
)
from app.models.sign_in import OtpPurpose
from app.openapi import failures
from app.schemas.auth import SendOtpIn, SendOtpOut, SignupIn, SignupOut, TokensOut, VerifyOtpIn

router = APIRouter(prefix="/auth", tags=["authentication"])


@router.post(
    "/signup",
    operation_id="sign_up",
    summary="Sign up with a mobile number",
    status_code=HTTPStatus.CREATED,
    responses=failures(MobileNumberTaken, CountryNotAllowed, OtpLimitReached, body=True),
)
async def sign_up(body: SignupIn, device: CallingDevice, services: Services) -> SignupOut:
    """Create an account. It is erased if its number is not verified with a code within a week."""
    return SignupOut(
        user=await services.auth.sign_up(
            mobile_number=body.mobile_number, full_name=body.full_name, device=device
        )
    )


@router.post(
    "/send-otp",
    operation_id="send_otp",
    summary="Send a one-time code",
    response_model_exclude_none=True,
    responses=failures(OtpResendTooSoon, OtpLimitReached, CountryNotAllowed, body=True),
)
async def send_otp(body: SendOtpIn, device: CallingDevice, services: Services) -> SendOtpOut:
    """Send a one-time code. The response is the same whether or not the number has an account."""
    return await services.otps.send(mobile_number=body.mobile_number, purpose=OtpPurpose.LOGIN, device=device)


@router.post(
    "/forgot-password",
    operation_id="forgot_password",
    summary="Send a code for setting a new password",
    response_model_exclude_none=True,
    responses=failures(OtpResendTooSoon, OtpLimitReached, CountryNotAllowed, body=True),
)
async def forgot_password(body: SendOtpIn, device: CallingDevice, services: Services) -> SendOtpOut:
    """Send a code for a session that can set a new password without the old one.

    The code replaces any earlier one. It is valid in `verify-otp` with the purpose `password_reset` only.
    """
    return await services.otps.send(
        mobile_number=body.mobile_number, purpose=OtpPurpose.PASSWORD_RESET, device=device
    )


@router.post(
    "/verify-otp",
    operation_id="verify_otp",
    summary="Sign in with a one-time code",
    responses=failures(OtpInvalid, OtpAttemptsExceeded, body=True),
)
async def verify_otp(body: VerifyOtpIn, device: CallingDevice, services: Services) -> TokensOut:
    """Exchange the code for a session.

    The digits may be of any script, with spaces and hyphens. A code that does not have six digits costs no
    try. `GET /auth/sessions` shows the `device_name`.

    The network that requested the code has five tries; its errors give `attempts_left`. All other networks
    share five tries. After that, the right code is refused, too.
    """
    return await services.auth.verify_otp(
        mobile_number=body.mobile_number,
        otp=body.otp,
        purpose=body.purpose,
        device=device,
        device_name=body.device_name,
    )
