"""Every value is trimmed and parsed at start; problems are named without the value."""

import traceback
from pathlib import Path

import httpx
import httpx2
import pytest
import redis.asyncio as redis
import yarl
from kombu import Connection

from app.config import RedisAddress, SettingsInvalidError, load_settings
from app.config.broker_address import BrokerAddress
from app.config.web_address import web_address

_NEEDED = {"DATABASE_URL": "postgresql://app:pw@db/app", "REDIS_URL": "redis://redis/0"}
_NOTHING_VISIBLE = "visible"


@pytest.fixture(autouse=True)
def _folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No `.env`, and only the variables that are needed."""
    monkeypatch.chdir(tmp_path)
    for name, value in _NEEDED.items():
        monkeypatch.setenv(name, value)


def _problems(monkeypatch: pytest.MonkeyPatch, **variables: str) -> list[str]:
    """Return the problems of these variables, each beginning with the name."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    said = ""
    try:
        load_settings()
    except SettingsInvalidError as error:
        said = "".join(traceback.format_exception_only(error))
    assert _NOTHING_VISIBLE not in said
    return [line.removeprefix("  - ") for line in said.splitlines()[1:]]


@pytest.mark.parametrize("blank", [" {} ", "\t{}\n", "{}\r\n", "\ufeff{}", "{}\u200b", "\u00a0{}\u2060 "])
def test_every_value_is_trimmed(monkeypatch: pytest.MonkeyPatch, blank: str) -> None:
    written = {
        "REDIS_URL": "redis://:secret@redis:6380/2",
        "JWT_SECRET_KEY": "f3b1c8a95d7e4f60b2c4d6e8fa0b1c2d",
        "GEMINI_API_KEY": "AIzaSyExactlyAsGoogleGaveIt",
        "STRIPE_WEBHOOK_SECRET": "whsec_1 , whsec_2",
        "GEMINI_MODELS": "gemini-2.5-pro ,\u200bgemini-2.5-flash",
        "ENVIRONMENT": "Production",
        "LOG_FORMAT": "JSON",
        "OTP_PER_HOUR": "7",
        "TRUSTED_PROXIES": "10.0.0.0/8 , 192.168.0.1",
        "ALLOWED_ORIGINS": "https://a.example.com ,capacitor://localhost",
        "OTP_DELIVERY": "Twilio",
        "OTP_ALLOWED_COUNTRIES": "us , DE",
        "TWILIO_ACCOUNT_SID": "AC0123",
        "TWILIO_AUTH_TOKEN": "token",
        "TWILIO_FROM": "+14155550100",
        "STRIPE_SECRET_KEY": "sk_live_51",
        "STRIPE_PRO_PRICE_ID": "price_1",
        "CELERY_BROKER_URL": "amqp://guest:guest@rabbit//",
    }
    assert _problems(monkeypatch, **{name: blank.format(value) for name, value in written.items()}) == []
    settings = load_settings()
    assert settings.redis == RedisAddress("redis", 6380, 2, password="secret")
    assert settings.jwt_secret_key.get_secret_value() == written["JWT_SECRET_KEY"]
    assert settings.gemini_api_key.get_secret_value() == written["GEMINI_API_KEY"]
    assert [secret.get_secret_value() for secret in settings.stripe_webhook_secret] == ["whsec_1", "whsec_2"]
    assert settings.gemini_models == ("gemini-2.5-pro", "gemini-2.5-flash")
    assert (settings.environment, settings.log_format, settings.otp_per_hour) == ("production", "json", 7)
    assert [str(network) for network in settings.trusted_proxies] == ["10.0.0.0/8", "192.168.0.1/32"]
    assert settings.allowed_origins == ("https://a.example.com", "capacitor://localhost")


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL"])
@pytest.mark.parametrize("value", [" ", "\t\n", "\u200b"])
def test_a_blank_value_counts_as_not_set(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    assert _problems(monkeypatch, **{name: value}) == [f"{name} is missing"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REDIS_URL", "redis://:visible#visible@redis/0"),
        ("REDIS_URL", "redis://:visible/visible@redis/0"),
        ("REDIS_URL", "redis://:visible?visible@redis/0"),
        ("REDIS_URL", "redis://:visible]visible@redis/0"),
        ("REDIS_URL", "redis://:visible visible@redis/0"),
        ("REDIS_URL", "redis://:visible%FFvisible@redis/0"),
        ("REDIS_URL", "redis://redis:visible/0"),
        ("REDIS_URL", "redis://redis:70000/0"),
        ("REDIS_URL", "redis://redis/visible"),
        ("REDIS_URL", "redis://redis/0?db=visible"),
        ("REDIS_URL", "redis://redis/0?db=1&db=2"),
        ("REDIS_URL", "redis://:visible@/0"),
        ("REDIS_URL", "redis://vis..ible/0"),
        ("REDIS_URL", "redis://[visible]/0"),
        ("REDIS_URL", "redis://a-visible;redis://b-visible"),
        ("REDIS_URL", "rediss://redis/0?ssl_cert_reqs=visible"),
        ("REDIS_URL", "rediss://redis/0?ssl_check_hostname=visible"),
        ("REDIS_URL", "rediss://redis/0?ssl_ca_certs=/visible"),
        ("REDIS_URL", "rediss://redis/0?ssl_ca_certs=/etc/passwd"),
        ("REDIS_URL", "redis://redis/0?ssl_cert_reqs=none"),
        ("REDIS_URL", "redis+socket:///visible"),
        ("REDIS_URL", "http://visible"),
        ("REDIS_URL", '"redis://visible/0"'),
        ("CELERY_BROKER_URL", "amqp://guest:vis#ible@rabbit"),
        ("CELERY_BROKER_URL", "amqp://rabbit:visible/"),
        ("CELERY_BROKER_URL", "amqp://a-visible;amqp://b-visible"),
        ("CELERY_BROKER_URL", "amqps://rabbit/?ssl_ca_certs=/visible"),
        ("CELERY_BROKER_URL", "sqs://visible"),
        ("CELERY_BROKER_URL", "memory://"),
        ("CELERY_BROKER_URL", "rediss://redis/0?ssl_cert_reqs=visible"),
        ("CELERY_BROKER_URL", "redis+socket://"),
        ("PUBLIC_URL", "visible.example.com"),
        ("PUBLIC_URL", "https://visible:70000"),
        ("PUBLIC_URL", "https://visible:"),
        ("PUBLIC_URL", "https://user:visible@example.com"),
        ("PUBLIC_URL", "https://example.com/?visible"),
        ("PUBLIC_URL", "https://visiblé.example.com"),
        ("GEMINI_BASE_URL", "https://"),
        ("GEMINI_BASE_URL", "https://[visible"),
        ("GEMINI_BASE_URL", "ftp://visible"),
        ("STRIPE_API_BASE", "https://vis ible"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector-visible:4317"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://user:visible@collector"),
        ("TWILIO_API_BASE", "https://visible..com"),
        ("SMS_WEBHOOK_URL", "sms.visible.example.com"),
        ("SMS_WEBHOOK_URL", "https://user:visible@example.com/otp"),
        ("SMS_WEBHOOK_URL", "https://example.com/otp#visible"),
        ("SMS_WEBHOOK_SECRET", "whsec_visible"),
        ("SMS_WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw, visible"),
        ("OTP_TEXT", "visible"),
        ("OTP_TEXT", "{code} {visible}"),
        ("OTP_TEXT", '{"en": "{code} visible"'),
        ("OTP_TEXT", '{"visible": "{code}"}'),
        ("OTP_TEXT", "{code} " + "visible" * 18 + r"\nFA+9qCX9VSu"),
        ("OTP_TEXT", '{"en": "{code}", "de": "{code}' + "visible" * 300 + '"}'),
        ("OTP_TEST_NUMBERS", "+15005550006=123456"),
        ("OTP_TEST_NUMBERS", "+15005550006=visible:2027-06-30"),
        ("OTP_TEST_NUMBERS", "+15005550006=123456:2026-01-01,+15005550006=654321:2026-01-01"),
        ("OTP_DELIVERY", "visible"),
        ("GEMINI_API_VERSION", "../visible"),
        ("GEMINI_MODEL", "visible?key=1"),
        ("GEMINI_MODELS", "gemini-2.5-pro, visible model"),
        ("GEMINI_API_KEY", "visi\nble"),
        ("GEMINI_API_KEY", "visiblé"),
        ("METRICS_TOKEN", "visiblé"),
        ("METRICS_TOKEN", "visible token"),
        ("JWT_SECRET_KEY", "visible-\udcff-visible-visible-visible"),
        ("TRUSTED_PROXIES", "10.0.0.0/8, visible"),
        ("TRUSTED_PROXIES", "*"),
        ("REPLY_WAIT_SECONDS", "nan"),
        ("REPLY_WAIT_SECONDS", "1e300"),
        ("GEMINI_TIMEOUT_SECONDS", "inf"),
        ("GEMINI_TIMEOUT_SECONDS", "1e999"),
        ("ACCESS_TOKEN_HOURS", "nan"),
        ("REDIS_CONNECT_SECONDS", "0"),
        ("REDIS_COMMAND_SECONDS", "-1"),
        ("GRACE_DAYS", "999999999"),
        ("OTP_TTL_SECONDS", "9999999999999"),
        ("CHATROOM_CACHE_SECONDS", "9" * 5000),
        ("WORKER_CONCURRENCY", "99999999"),
        ("LOG_FORMAT", "visible"),
    ],
)
def test_an_unusable_value_is_named_at_start(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    problems = _problems(monkeypatch, **{name: value})
    assert [problem.split()[0] for problem in problems] == [name], problems
    assert not any(part in problems[0] for part in ("123456", "654321", "15005550006=1"))


def test_all_problems_are_listed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {
        "REDIS_URL": "redis://:visible#1@redis",
        "CELERY_BROKER_URL": "amqp://visible:x/",
        "PUBLIC_URL": "visible",
        "ALLOWED_ORIGINS": "https://visible.example.com/",
        "TRUSTED_PROXIES": "visible",
        "GRACE_DAYS": "nan",
        "GEMINI_API_KEY": "visi ble",
    }
    assert {problem.split()[0] for problem in _problems(monkeypatch, **wrong)} == wrong.keys()


@pytest.mark.parametrize(
    ("url", "option"),
    [
        ("redis://redis/0?socket_timeout=visible", "socket_timeout"),
        ("redis://redis/0?decode_responses=visible", "decode_responses"),
        ("redis://redis/0?credential_provider=visible.visible", "credential_provider"),
        ("rediss://redis/0?ssl_ciphers=visible", "ssl_ciphers"),
    ],
)
def test_an_unsupported_option_is_rejected_by_name(
    monkeypatch: pytest.MonkeyPatch, url: str, option: str
) -> None:
    [problem] = _problems(monkeypatch, REDIS_URL=url)
    assert option in problem


def test_a_unix_socket_is_rejected_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    [problem] = _problems(monkeypatch, REDIS_URL="unix:///run/visible.sock")
    assert "unix://" in problem


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost",
        "redis://localhost/",
        "redis://:p%23a%2Fs%3Fs%40%3A%3B@redis:6380/5",
        "redis://user:semi;colon@redis/1",
        "redis://user@redis/1",
        "redis://user:pass@[2001:db8::7]:6380/1",
        "redis://redis/1?db=4",
        "redis://:50%off@redis",
        "rediss://default:pw@redis.example.com:25061",
        "redis://redis/0?family=0",
    ],
)
def test_kombu_and_redis_py_parse_the_same_address_alike(url: str) -> None:
    """Red when an address is handed on as it is written: kombu splits it at a semicolon, for one."""
    address = RedisAddress.parse(url)
    broker = BrokerAddress.of_redis(address)
    kombu = Connection(broker.url, ssl=broker.use_ssl or False)
    read = (kombu.hostname, kombu.port, kombu.userid, kombu.password, int(kombu.virtual_host))
    assert read == (address.host, address.port, address.username, address.password, address.database)
    assert Connection(kombu.as_uri(include_password=True)).hostname == address.host  # as Flower gets it
    assert kombu.alt == []
    by_redis_py = redis.ConnectionPool.from_url(url).connection_kwargs
    assert (by_redis_py["host"], by_redis_py.get("port", 6379)) == (address.host, address.port)
    assert (by_redis_py.get("db", 0), by_redis_py.get("password")) == (address.database, address.password)


@pytest.mark.parametrize(
    "address",
    [
        "https://api.stripe.com",
        "http://127.0.0.1:8100/",
        "https://gateway.example.com/v1/google",
        "http://[::1]:8100",
        "HTTPS://Example.com",
        "http://sandbox_1:8100",
        "https://xn--bcher-kva.example",
    ],
)
def test_every_http_client_parses_an_accepted_address_alike(address: str) -> None:
    web_address(address)
    host, port = httpx.URL(address).host, httpx.URL(address).port
    assert (httpx2.URL(address).host, httpx2.URL(address).port) == (host, port)
    assert yarl.URL(address).raw_host == host.encode("idna").decode()
    assert yarl.URL(address).explicit_port == port


@pytest.mark.parametrize(
    ("content", "is_usable"),
    [
        (b"REDIS_URL=redis://from-file/3\n", True),
        (b'REDIS_URL="redis://from-file/3"\r\nLOG_LEVEL=info\r\n', True),
        (b"\xef\xbb\xbfREDIS_URL=redis://from-file/3 # a comment\n", True),
        (b"export REDIS_URL='redis://from-file/3'\n\n# visible\n", True),
        (b"REDIS_URL redis://visible/3\n", False),
        (b"REDIS_URL='redis://visible/3\n", False),
        ("REDIS_URL=redis://visible/3\n".encode("utf-16"), False),
        (b"REDIS_URL=redis://\xff-visible/3\n", False),
    ],
)
def test_the_file_is_read_like_the_environment(
    monkeypatch: pytest.MonkeyPatch,
    content: bytes,
    is_usable: bool,  # noqa: FBT001  # pytest's
) -> None:
    monkeypatch.delenv("REDIS_URL")
    Path(".env").write_bytes(content)
    problems = _problems(monkeypatch)
    if is_usable:
        assert problems == []
        assert load_settings().redis == RedisAddress("from-file", 6379, 3)
    else:
        assert [problem.split()[0] for problem in problems] == [".env"]


def test_a_folder_in_the_files_place_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker makes one where a file that is mounted does not exist."""
    Path(".env").mkdir()
    [problem] = _problems(monkeypatch)
    assert problem.startswith(".env is a folder")
