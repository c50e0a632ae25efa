"""docker-compose.prod.yml: nginx in front, no sandbox, confined containers, the migration first."""

import ipaddress
import os
import re
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.deploy.nginx import FOLDER as NGINX
from tests.deploy.platforms import compose_services, documents
from tests.support.installed import installed
from tests.support.process import ROOT
from tests.support.user import Json

FILE: Final = ROOT / "docker-compose.prod.yml"
EXTERNAL: Final = ROOT / "deploy" / "compose" / "external-stores.yml"
SERVICES: Final = compose_services()
[WRITTEN] = documents(FILE)
OF_IMAGES: Final = {
    "db": {"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"},
    "redis": {"CHOWN", "DAC_OVERRIDE", "SETGID", "SETUID"},
}
ROLES: Final = ("migrate", "api", "worker")
# Values for the fifth step of docs/deployment.md.
FILLED_IN: Final = {
    "POSTGRES_PASSWORD": secrets.token_hex(16),
    "JWT_SECRET_KEY": secrets.token_hex(32),
    "METRICS_TOKEN": secrets.token_hex(32),
    "GEMINI_API_KEY": f"AIza{secrets.token_hex(16)}",
    "TWILIO_ACCOUNT_SID": f"AC{secrets.token_hex(16)}",
    "TWILIO_AUTH_TOKEN": secrets.token_hex(16),
    "TWILIO_FROM": "+14155550100",
    "STRIPE_SECRET_KEY": f"sk_live_{secrets.token_hex(16)}",
    "STRIPE_WEBHOOK_SECRET": f"whsec_{secrets.token_hex(16)}",
    "STRIPE_PRO_PRICE_ID": f"price_{secrets.token_hex(8)}",
}


def _config(*files: Path, env: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `docker-compose config` with this environment file, and nothing else from the environment."""
    program = installed("docker-compose", package="docker-compose")
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in env.items()))
    options = [option for file in files for option in ("-f", file)]
    return subprocess.run(
        [program, "--project-directory", folder, "--env-file", folder / ".env", *options, "config"],
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _resolved(*files: Path, env: dict[str, str], folder: Path) -> Json:
    done = _config(*files, env=env, folder=folder)
    assert done.returncode == 0, done.stderr
    [config] = documents_of(done.stdout, folder)
    return config


def documents_of(text: str, folder: Path) -> list[Json]:
    """Return the documents of a YAML text."""
    (folder / "config.yml").write_text(text)
    return documents(folder / "config.yml")


def test_it_is_a_valid_file_that_asks_for_the_databases_password(tmp_path: Path) -> None:
    refused = _config(FILE, env={}, folder=tmp_path)
    assert refused.returncode != 0
    assert "set POSTGRES_PASSWORD in .env" in refused.stderr
    config = _resolved(FILE, env={"POSTGRES_PASSWORD": "of-the-test"}, folder=tmp_path)
    for role in ROLES:
        given = config["services"][role]["environment"]
        assert given["DATABASE_URL"] == "postgresql://app:of-the-test@db:5432/app"
        assert given["ENVIRONMENT"] == "production"
    assert config["services"]["db"]["environment"]["POSTGRES_PASSWORD"] == "of-the-test"


def test_it_works_without_containers_for_the_stores(tmp_path: Path) -> None:
    addresses = {"DATABASE_URL": "postgresql://provider/app", "REDIS_URL": "rediss://provider"}
    config = _resolved(FILE, EXTERNAL, env={"POSTGRES_PASSWORD": "unused", **addresses}, folder=tmp_path)
    for role in ROLES:
        assert addresses.items() <= config["services"][role]["environment"].items()
    assert [config["services"][store]["scale"] for store in ("db", "redis")] == [0, 0]
    assert "outgoing" in config["services"]["migrate"]["networks"]


def test_settings_come_from_one_file(tmp_path: Path) -> None:
    """Red when the image's own settings hide those of .env, or .env those that only this file knows."""
    given = {"POSTGRES_PASSWORD": "p", "GEMINI_API_KEY": "of-the-test", "TRUSTED_PROXIES": "0.0.0.0/0"}
    config = _resolved(FILE, env=given, folder=tmp_path)
    for role in ("api", "worker"):
        assert config["services"][role]["environment"]["GEMINI_API_KEY"] == "of-the-test"
    assert config["services"]["api"]["environment"]["TRUSTED_PROXIES"] == "172.31.250.0/28"


def _start(settings: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Import the API with these settings, in a folder without a .env."""
    folder.mkdir()
    return subprocess.run(
        [sys.executable, "-c", "import app.main"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **settings},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_documented_settings_are_enough_to_start_in_production(tmp_path: Path) -> None:
    """Red when production needs a setting that the ten steps do not name, or starts without one of them."""
    page = (ROOT / "docs" / "deployment.md").read_text()
    [block] = re.findall(r"```ini\n(.*?)```", page, re.DOTALL)
    written = dict(re.findall(r"^\s*(\w+)=(.*)$", block, re.MULTILINE))
    assert {name for name, value in written.items() if not value} == FILLED_IN.keys()
    given = _resolved(FILE, env=written | FILLED_IN, folder=tmp_path)["services"]["api"]["environment"]
    started = _start(given, tmp_path / "filled in")
    assert started.returncode == 0, started.stderr
    optional = {"PUBLIC_URL", "METRICS_TOKEN", "POSTGRES_PASSWORD", "OTP_DELIVERY"}
    required = written.keys() - optional
    refused = _start({**given, **dict.fromkeys(required, "")}, tmp_path / "empty")
    assert refused.returncode == 3
    assert {name for name in required if name not in refused.stderr} == set()


def test_there_is_no_sandbox_and_one_image_for_three_roles() -> None:
    assert SERVICES.keys() == {"nginx", *ROLES, "db", "redis"}
    assert {SERVICES[role]["image"] for role in ROLES} == {"${APP_IMAGE:-ai-chat-backend}"}
    pinned = {SERVICES[name]["image"] for name in ("nginx", "db", "redis")}
    assert all(re.fullmatch(r"\$\{[A-Z]+_IMAGE:-\w+:[\d.]+\}", image) for image in pinned), pinned


@pytest.mark.parametrize("name", SERVICES)
def test_no_container_has_more_rights_than_its_image_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert set(service.get("cap_add", ())) == OF_IMAGES.get(name, set())
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert "/tmp" in service["tmpfs"]  # noqa: S108  # inside a container
    assert service.keys().isdisjoint({"privileged", "network_mode", "pid", "devices"})


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_has_bounds_and_comes_back(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"\d+[mg]", service["mem_limit"])
    assert 0 < service["pids_limit"] <= 1000
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    assert service["restart"] == ("no" if name == "migrate" else "unless-stopped")
    assert name in {"migrate", "nginx"} or "healthcheck" in service


def test_the_migration_ends_before_api_and_worker_start() -> None:
    assert SERVICES["migrate"]["command"] == ["alembic", "upgrade", "head"]
    for role in ("api", "worker"):
        conditions = {name: one["condition"] for name, one in SERVICES[role]["depends_on"].items()}
        assert conditions["migrate"] == "service_completed_successfully"
        assert {conditions["db"], conditions["redis"]} == {"service_healthy"}


def test_only_nginx_is_published_and_only_it_is_trusted() -> None:
    assert [name for name, one in SERVICES.items() if "ports" in one] == ["nginx"]
    assert SERVICES["nginx"]["ports"] == ["0.0.0.0:80:8080", "0.0.0.0:443:8443"]
    configuration = (NGINX / "nginx.conf").read_text()
    assert "listen 8080;" in configuration
    assert "listen 8443 ssl" in configuration
    [subnet] = WRITTEN["networks"]["edge"]["ipam"]["config"]
    assert SERVICES["api"]["environment"]["TRUSTED_PROXIES"] == subnet["subnet"]
    default = subnet["subnet"].partition(":-")[2].rstrip("}")
    assert ipaddress.ip_network(default).is_private
    assert [name for name, one in SERVICES.items() if "edge" in one["networks"]] == ["nginx", "api"]


def test_the_stores_reach_nothing_outside_and_keep_their_data() -> None:
    assert WRITTEN["networks"]["data"] == {"internal": True}
    for name in ("db", "redis"):
        assert SERVICES[name]["networks"] == ["data"]
        assert len(SERVICES[name]["volumes"]) == 1
    command = SERVICES["redis"]["command"]
    options = dict(zip(command[1::2], command[2::2], strict=True))
    assert (options["--appendonly"], options["--maxmemory-policy"]) == ("yes", "noeviction")
    assert int(options["--maxmemory"].removesuffix("mb")) * 2 <= 1024


def test_nginx_reads_all_that_its_configuration_names() -> None:
    mounted = {volume.split(":")[1] for volume in SERVICES["nginx"]["volumes"]}
    configuration = (NGINX / "nginx.conf").read_text()
    for path in re.findall(r"/etc/nginx/tls|/srv/acme", configuration):
        assert path in mounted
    assert {f"/etc/nginx/{name}" for name in re.findall(r"include (\S+);", configuration)} <= mounted
    sources = {volume.split(":")[0] for volume in SERVICES["nginx"]["volumes"]}
    made_later = {"./deploy/nginx/tls", "./deploy/nginx/acme"}
    assert all((ROOT / source).is_file() for source in sources - made_later)
    assert all(volume.endswith(":ro") for volume in SERVICES["nginx"]["volumes"])
