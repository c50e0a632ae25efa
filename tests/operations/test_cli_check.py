"""`check` names every problem of settings and connections at once, with its remedy, and prints no secret."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools.ports import free_port
from tests.support.cli import Done, cli, cli_json, run
from tests.support.clock import moves_clocks, shifted
from tests.support.redis_server import redis_server
from tests.support.stack import Stack, alembic
from tests.support.user import Json, ok

pytestmark = pytest.mark.server_version

_SERVERS = {"DATABASE_URL": "postgresql://app:geheim-1@{}/app", "REDIS_URL": "redis://:geheim-2@{}/0"}


def _subjects(document: Json) -> list[str]:
    return [each["subject"] for each in document["problems"]]


def _states(document: Json) -> dict[str, str]:
    return {each["name"]: each["state"] for each in document["connections"]}


def test_an_installation_that_works_has_no_problem(own_stack: Stack) -> None:
    own_stack.start_worker()
    document = cli_json(own_stack, "check")
    assert document["ok"] is True
    assert document["problems"] == []
    states = _states(document)
    assert {name for name, state in states.items() if state == "ok"} == {
        "database",
        "redis",
        "broker",
        "workers",
        "replies",
        "stripe webhooks",
        "gemini",
        "stripe",
        "proxies",
    }
    assert states["sms"] == "skipped"  # the tests deliver codes in the response
    assert cli(own_stack, "check", "--quiet").out == "No problem found.\n"
    offline = _states(cli_json(own_stack, "check", "--offline"))
    assert {name for name, state in offline.items() if state == "skipped"} == {"gemini", "stripe", "sms"}
    calls = own_stack.calls("")
    assert calls == []  # no token is spent


def test_all_problems_are_named_at_once_and_no_secret_is_shown(own_stack: Stack, tmp_path: Path) -> None:
    """Red if the first problem ends the check, or if a value of a secret setting is printed."""
    user = own_stack.user()
    reply = ok(user.post(user.open_room(), "Hello", Prefer="respond-async"))["reply"]
    own_stack.database.run(
        "UPDATE messages SET queued_at = now() - interval '10 minutes' WHERE id = %s", reply["id"]
    )
    own_stack.database.run(
        "INSERT INTO stripe_events (id, type, livemode, created_at, received_at)"
        " VALUES ('evt_old', 'customer.subscription.updated', false, now(), now() - interval '1 hour')"
    )
    alembic(own_stack.database.url, "downgrade", "-1")
    options = ("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru", "--requirepass", "geheim-1")
    with redis_server(tmp_path, *options) as redis:
        wrong = {
            "REDIS_URL": f"redis://:geheim-1@127.0.0.1:{redis.port}/0",
            "GEMINI_API_KEY": "bad-geheim-2",
            "STRIPE_PRO_PRICE_ID": "price_nothing",
            "ALLOWED_ORIGINS": "geheim-3",
            "JWT_SECRET_KEY": "geheim-4",
        }
        done = cli(own_stack, "check", "--json", code=1, env=wrong)
        shown = cli(own_stack, "check", code=1, env=wrong)
    problems = {each["subject"]: each["problem"] for each in done.document["problems"]}
    assert problems.keys() == {
        "ALLOWED_ORIGINS",
        "database",
        "redis",
        "workers",
        "replies",
        "stripe webhooks",
        "gemini",
        "stripe",
    }
    remedies = {
        "database": "run `python -m app migrate`",
        "redis": "set it to noeviction",
        "workers": "celery -A app.celery_app worker",
        "replies": "start more workers",
        "stripe webhooks": "python -m app webhooks replay",
        "gemini": "set GEMINI_API_KEY",
        "stripe": "set STRIPE_PRO_PRICE_ID",
    }
    assert {subject for subject, remedy in remedies.items() if remedy not in problems[subject]} == set()
    assert [remedy for remedy in remedies.values() if remedy not in shown.out] == []
    assert "8 problems:" in shown.out
    secrets = [
        *wrong.values(),
        "geheim",
        own_stack.settings["DATABASE_URL"],
        "whsec_sandbox",
        "sk_test_sandbox",
    ]
    secrets += [own_stack.settings["METRICS_TOKEN"], own_stack.database.url.split("@")[0].split(":")[-1]]
    written = done.out + done.err + shown.out + shown.err
    not_secret = {"price_nothing"}
    assert [each for each in set(secrets) - not_secret if each and each in written] == []


def test_each_setting_has_its_value_its_source_and_its_meaning(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("LOG_LEVEL=warning\nJWT_SECRET_KEY=geheim\nREPLY_MAX_LOSSES=7\n")
    nowhere = {name: form.format(f"127.0.0.1:{free_port()}") for name, form in _SERVERS.items()}
    env = {**nowhere, "WORKER_CONCURRENCY": "12"}
    done = run("check", "--offline", "--json", env=env, folder=tmp_path)
    settings = {each["name"]: (each["value"], each["source"]) for each in done.document["settings"]}
    assert settings["LOG_LEVEL"] == ("warning", ".env")
    assert settings["JWT_SECRET_KEY"] == ("set", ".env")
    assert settings["REPLY_MAX_WORKER_LOSSES"] == ("7", ".env")
    assert settings["WORKER_CONCURRENCY"] == ("12", "environment")
    assert settings["DATABASE_URL"] == ("set", "environment")
    assert settings["METRICS_TOKEN"] == ("not set", "default")
    assert settings["GRACE_DAYS"] == ("7", "default")
    assert all(each["meaning"] for each in done.document["settings"])
    assert "geheim" not in done.out + done.err


def test_what_production_refuses_is_named_before_it_is_production(tmp_path: Path) -> None:
    """Red if the rules of production depend on ENVIRONMENT alone."""
    env = {
        **{name: form.format(f"127.0.0.1:{free_port()}") for name, form in _SERVERS.items()},
        "PUBLIC_URL": "https://chat.example.com",
    }
    plain = run("check", "--offline", "--json", env=env, folder=tmp_path).document
    assert _subjects(plain) == ["database", "redis"]
    strict = run("check", "--offline", "--production", "--json", env=env, folder=tmp_path).document
    assert {"JWT_SECRET_KEY", "GEMINI_API_KEY", "OTP_DELIVERY", "STRIPE_SECRET_KEY", "proxies"} <= set(
        _subjects(strict)
    )
    trusted = run(
        "check",
        "--offline",
        "--production",
        "--json",
        env={**env, "TRUSTED_PROXIES": "10.0.0.0/8"},
        folder=tmp_path,
    )
    assert "proxies" not in _subjects(trusted.document)


def test_an_environment_file_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    done = run("check", env={}, folder=tmp_path)
    assert (done.code, done.out) == (1, "")
    assert done.err == "Error: .env is a folder, and should be a file or not be there.\n"


@contextlib.contextmanager
def _silent_server() -> Iterator[int]:
    """Accept connections on a port, and never answer."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as server:
        yield server.getsockname()[1]


def test_servers_that_never_answer_are_named_within_ten_seconds(tmp_path: Path) -> None:
    """Red without the limits: the command then outlasts its timeout."""
    with _silent_server() as port:
        env = {
            **{name: form.format(f"127.0.0.1:{port}") for name, form in _SERVERS.items()},
            "GEMINI_BASE_URL": f"http://127.0.0.1:{port}",
            "STRIPE_API_BASE": f"http://127.0.0.1:{port}",
            "STRIPE_SECRET_KEY": "sk_test_geheim",
            "STRIPE_PRO_PRICE_ID": "price_x",
            "OTP_DELIVERY": "twilio",
            "TWILIO_API_BASE": f"http://127.0.0.1:{port}",
            "TWILIO_ACCOUNT_SID": "AC1",
            "TWILIO_AUTH_TOKEN": "geheim",
            "TWILIO_FROM": "+14155550100",
        }
        done: Done = run("check", "--json", env=env, folder=tmp_path, seconds=40)
    assert set(_subjects(done.document)) == {"database", "redis", "gemini", "stripe", "sms"}
    assert done.code == 1
    assert "geheim" not in done.out + done.err


@moves_clocks
def test_clocks_that_differ_are_a_problem(own_stack: Stack) -> None:
    """Red without the comparison of clocks."""
    own_stack.start_worker()
    found = cli_json(own_stack, "check", "--offline", code=1, env=shifted("-1h"))["problems"]
    assert [each["subject"] for each in found] == ["database", "redis", "broker"]
    assert all("ahead of that of this machine" in each["problem"] for each in found)
