"""A user, tokens and sessions."""

from datetime import date
from typing import Final
from uuid import UUID

from pydantic import BaseModel

from app.models import Plan
from app.schemas import auth, password, session, user
from app.schemas.examples.timestamps import ASKED, MIDNIGHT, NUMBER, SIGNED_UP
from app.schemas.quota import Quota

# Constants, since linters report literals beside "password" or "token" as secrets.
_JWT = "eyJhbGciOiJIUzI1NiIs…"
_SCHEME: Final = "bearer"
_SUCCESSOR = "AZwT2kHwcmKeEV0u…"
_PHRASE = "correct horse battery"

USER: Final = user.UserOut(
    id=UUID("019c1002-7a10-7c31-9d5e-0b7f5a2c4e11"),
    mobile_number=NUMBER,
    full_name="Ada",
    has_password=False,
    created_at=SIGNED_UP,
    last_login_at=ASKED,
    plan=Plan.BASIC,
)
QUOTA: Final = Quota(limit=5, used=1, remaining=4, resets_at=MIDNIGHT)
CODE: Final = auth.SendOtpOut(
    message="If this number has an account, a code is on its way.", expires_in=300, resend_after=30
)
TOKENS: Final = auth.TokensOut(
    access_token=_JWT,
    token_type=_SCHEME,
    expires_in=86400,
    refresh_token=_SUCCESSOR,
    refresh_expires_in=2592000,
    user=USER,
)
SESSION: Final = session.SessionOut(
    id=UUID("019c13d9-92c4-7f3a-9e8d-7c6b5a493827"),
    device_name="Ada's phone",
    client="ChatApp",
    device="ChatApp/1.4 (iPhone; iOS 19.2)",
    ip="203.0.113.7",
    created_at=SIGNED_UP,
    last_used_at=ASKED,
    current=True,
)
DAY: Final = user.UsageDay(day=date(2026, 1, 31), messages=1, input_tokens=14, output_tokens=9)

IDENTITY: Final[tuple[BaseModel, ...]] = (
    auth.SignupIn(mobile_number=NUMBER, full_name="Ada"),
    auth.SignupOut(user=USER.model_copy(update={"last_login_at": None})),
    auth.SendOtpIn(mobile_number=NUMBER),
    CODE,
    auth.VerifyOtpIn(mobile_number=NUMBER, otp="042137", device_name=SESSION.device_name),
    TOKENS,
    password.LoginIn(mobile_number=NUMBER, password=_PHRASE, device_name=SESSION.device_name),
    password.ChangePasswordIn(new_password=_PHRASE),
    password.PasswordChangedOut(
        **dict(TOKENS), message="The password was set. All earlier tokens and other sessions have ended."
    ),
    session.RefreshIn(refresh_token=TOKENS.refresh_token),
    session.LogoutIn(scope=session.LogoutScope.THIS),
    session.SessionPage(sessions=[SESSION], next_cursor=None),
    USER,
    user.UserPatch(full_name="Ada Lovelace"),
    user.UsageOut(**dict(QUOTA), days=[DAY]),
    user.DeletionOut(message="The account is closed, and everything in it is being erased."),
)
