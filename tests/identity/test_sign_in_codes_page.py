"""docs/sign-in-codes.md is correct: its receiver works, and its texts are what phones require."""

import re
from pathlib import Path

import httpx
import pytest

from app.config import SettingsInvalidError, load_settings
from app.services.identity.otp_texts import OtpTexts
from devtools.ports import free_port
from tests.support.codes import api_processes, ask, verify
from tests.support.process import ROOT, Process
from tests.support.sending_api import SendingApi
from tests.support.sms_receiver import some_secret
from tests.support.stack import Stack
from tests.support.user import ok
from tests.support.waiting import eventually

_PAGE = (ROOT / "docs" / "sign-in-codes.md").read_text()
_RECEIVER = re.findall(r"^```python\n(.*?)^```", _PAGE, re.MULTILINE | re.DOTALL)
_ASSIGNMENTS = re.findall(r"^```sh\n(.*?)^```", _PAGE, re.MULTILINE | re.DOTALL)


def _answers(url: str, **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.post(f"{url}/otp", content=b"{}", headers=named, trust_env=False).status_code


def test_the_receiver_of_the_page_prints_each_message_once(stack: Stack, tmp_path: Path) -> None:
    """Red when a member, a header or the signed content changes."""
    [receiver] = _RECEIVER
    (tmp_path / "receiver.py").write_text(receiver)
    secret, port = some_secret(), free_port()
    url = f"http://127.0.0.1:{port}"
    running = Process(
        "receiver",
        "uvicorn",
        "receiver:app",
        "--port",
        str(port),
        env={"SMS_WEBHOOK_SECRET": secret},
        log=tmp_path / "log",
    )
    try:
        eventually(lambda: "startup complete" in running.log, what="a receiver")
        settings = {"OTP_DELIVERY": "webhook", "SMS_WEBHOOK_URL": f"{url}/otp"}
        with api_processes(stack, 1, **settings, SMS_WEBHOOK_SECRET=f"{some_secret()},{secret}") as [api_url]:
            api = SendingApi(api_url, stack.processes[-1], stack)
            number = api.account()
            ok(ask(api_url, number))
            [otp] = eventually(
                lambda: re.findall(rf"^\{number} (\d{{6}}) is your code", running.log, re.MULTILINE),
                what="the message",
            )
            ok(verify(api_url, number, otp))
        assert "Traceback" not in running.log
        assert _answers(url) == 401
        assert _answers(url, webhook_id="1", webhook_timestamp="1", webhook_signature="v1,AAAA v2") == 401
    finally:
        running.kill()


@pytest.mark.parametrize(
    ("place", "language", "message"),
    [
        (0, "fr", "123456 is your code for Example."),
        (0, "de-AT,de;q=0.9", "123456 ist dein Code f\u00fcr Example."),
        (0, "pt-BR", "123456 \u00e9 o seu c\u00f3digo do Example."),
        (1, None, "Your Example code is 123456.\n\n@example.com #123456"),
        (2, None, "Your Example code is 123456.\n\nFA+9qCX9VSu"),
    ],
)
def test_the_texts_of_the_page_are_rendered_byte_for_byte(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, place: int, language: str | None, message: str
) -> None:
    """As `.env` holds them. Red when a comment sign or a backslash is read otherwise."""
    monkeypatch.chdir(tmp_path)
    stores = "DATABASE_URL=postgresql://db/app\nREDIS_URL=redis://redis/0\n"
    Path(".env").write_text(stores + _ASSIGNMENTS[place])
    settings = load_settings()
    texts = OtpTexts(settings.otp_templates, minutes=settings.otp_minutes)
    assert texts.choose(language).render(otp="123456", minutes=5).encode() == message.encode()


def test_the_test_number_of_the_page_has_the_form_of_the_setting() -> None:
    assert re.fullmatch(r"OTP_TEST_NUMBERS=\+\d+=\d{6}:\d{4}-\d\d-\d\d\n", _ASSIGNMENTS[3])
    assert len(_ASSIGNMENTS) == 4


def test_a_text_that_a_comment_has_cut_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without quotes in `.env`, ` #` begins a comment. Red without the check of the last line."""
    monkeypatch.chdir(tmp_path)
    stores = "DATABASE_URL=postgresql://db/app\nREDIS_URL=redis://redis/0\n"
    Path(".env").write_text(stores + _ASSIGNMENTS[1].replace("'", ""))
    with pytest.raises(SettingsInvalidError, match="OTP_TEXT has a last line"):
        load_settings()
