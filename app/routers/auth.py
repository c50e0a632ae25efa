"""Sign-up and sign-in with codes."""

from http import HTTPStatus

from fastapi import APIRouter

from app.dependencies import AcceptLanguage, CallingDevice, Services
from app.errors import (
    AccountSuspended,
    CountryNotAllowed,
    MobileNumberTaken,
    OtpAttemptsExceeded,
    OtpInvalid,
    OtpLimitReached,
    OtpResendTooSoon,
)
from app.models.sign_in import OtpPurpose
from app.openapi import error_responses
from app.routing import Route
from app.schemas.auth import SendOtpIn, SendOtpOut, SignupIn, SignupOut, TokensOut, VerifyOtpIn

router = APIRouter(prefix="/auth", tags=["authentication"], route_class=Route)


@router.post(
    "/signup",
    operation_id="sign_up",
    summary="Sign up with a mobile number",
    status_code=HTTPStatus.CREATED,
    responses=error_responses(MobileNumberTaken, CountryNotAllowed, OtpLimitReached, body=True),
)
async def sign_up(body: SignupIn, device: CallingDevice, services: Services) -> SignupOut:
    """Create an account. It is erased unless its number is verified with a code within a week."""
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
    responses=error_responses(OtpResendTooSoon, OtpLimitReached, CountryNotAllowed, body=True),
)
async def send_otp(
    body: SendOtpIn, device: CallingDevice, services: Services, accept_language: AcceptLanguage = None
) -> SendOtpOut:
    """Send a one-time code. The response is the same whether or not the number has an account."""
    return await services.otps.send(
        mobile_number=body.mobile_number,
        purpose=OtpPurpose.LOGIN,
        device=device,
        accept_language=accept_language,
    )


@router.post(
    "/forgot-password",
    operation_id="forgot_password",
    summary="Send a code for a password reset",
    response_model_exclude_none=True,
    responses=error_responses(OtpResendTooSoon, OtpLimitReached, CountryNotAllowed, body=True),
)
async def forgot_password(
    body: SendOtpIn, device: CallingDevice, services: Services, accept_language: AcceptLanguage = None
) -> SendOtpOut:
    """Send a code for a session that can set a new password without the old one.

    It replaces any earlier code. `verify-otp` accepts it only with the purpose `password_reset`.
    """
    return await services.otps.send(
        mobile_number=body.mobile_number,
        purpose=OtpPurpose.PASSWORD_RESET,
        device=device,
        accept_language=accept_language,
    )


@router.post(
    "/verify-otp",
    operation_id="verify_otp",
    summary="Sign in with a one-time code",
    responses=error_responses(OtpInvalid, OtpAttemptsExceeded, AccountSuspended, body=True),
)
async def verify_otp(body: VerifyOtpIn, device: CallingDevice, services: Services) -> TokensOut:
    """Exchange a code for the tokens of a new session.

    The code may use digits of any script, with spaces and hyphens. Input that is not six digits does not
    count as an attempt. `GET /auth/sessions` shows the `device_name`.

    The network that requested the code has five attempts, and the error shows how many are left. All other
    networks share five attempts, and the error does not show them. Then the correct code is rejected too.
    """
    return await services.auth.verify_otp(
        mobile_number=body.mobile_number,
        otp=body.otp,
        purpose=body.purpose,
        device=device,
        device_name=body.device_name,
    )
