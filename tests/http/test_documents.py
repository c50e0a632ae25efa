"""The documents match the code: settings, the first conversation, glossary, guarantees."""

import json
import re
import subprocess
from enum import Enum
from pathlib import Path

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from app import __version__
from app.config import Settings
from app.config.reference import environment_file, settings_page
from app.config.renamed import RENAMED
from tests.support.stack import Stack
from tests.support.user import Json

_ROOT = Path(__file__).resolve().parents[2]
_README = (_ROOT / "README.md").read_text()
_CONFIGURATION = (_ROOT / "docs/configuration.md").read_text()
_ENV_EXAMPLE = (_ROOT / ".env.example").read_text()
_COMPOSE = (_ROOT / "docker-compose.yml").read_text()

_NOT_OF_THE_APP = {"PORT", "FLOWER_BASIC_AUTH", "POSTGRES_PASSWORD"}
_DEVELOPMENT_DEFAULTS = {"MIGRATE_ON_START": "true in development", "OTP_DELIVERY": "response in development"}
_FIELDS = {name.upper(): field for name, field in Settings.model_fields.items()}


def _default(field: FieldInfo) -> str:
    """A field's default as the documents write it."""
    if field.is_required():
        return "required"
    value = field.default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, Enum):
        value = value.value
    return "none" if value in (None, "", ()) else str(value)


def test_the_environment_file_holds_every_setting_once_and_sets_none() -> None:
    lines = re.findall(r"^([A-Z_]+)=(.*)$", _ENV_EXAMPLE, re.MULTILINE)
    names = [name for name, _ in lines]
    assert sorted(names) == sorted(_FIELDS.keys() | _NOT_OF_THE_APP)
    assert [name for name, value in lines if value] == []


def test_the_environment_file_names_every_default() -> None:
    comments = re.findall(r"^# (.+)\n([A-Z_]+)=", _ENV_EXAMPLE, re.MULTILINE)
    written = {name: comment.partition("Default: ")[2] or "none" for comment, name in comments}
    expected = {name: _default(field).replace("required", "none") for name, field in _FIELDS.items()}
    expected |= _DEVELOPMENT_DEFAULTS
    assert {name: written[name] for name in expected} == expected


def test_the_reference_lists_every_setting_with_its_default() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| ([^|]+) \| \S[^|]* \|$", _CONFIGURATION, re.MULTILINE)
    expected = {name: _default(field) for name, field in _FIELDS.items()} | _DEVELOPMENT_DEFAULTS
    written = {name: default.replace("`", "").strip() for name, default in rows}
    assert {name: written[name] for name in written.keys() - _NOT_OF_THE_APP} == expected
    assert sorted(name for name, _ in rows) == sorted(_FIELDS.keys() | _NOT_OF_THE_APP)


def test_the_reference_and_the_environment_file_are_made_from_the_settings() -> None:
    """Red until `python -m app.config.reference` is run after a change of a setting or its description."""
    assert settings_page(_CONFIGURATION) == _CONFIGURATION
    assert environment_file() == _ENV_EXAMPLE


def test_compose_passes_every_setting_on() -> None:
    block = _COMPOSE.partition("x-settings: &settings\n")[2].partition("\n\n")[0]
    given = dict(re.findall(r"^  ([A-Z_]+): (.+)$", block, re.MULTILINE))
    passed_on = {name: f"${{{name}:-}}" for name in _FIELDS.keys() | RENAMED.keys()}
    own = {name: given[name] for name in ("DATABASE_URL", "REDIS_URL")}
    assert given == passed_on | own


def test_the_first_conversation_of_the_readme_is_answered(stack: Stack, tmp_path: Path) -> None:
    section = _README.partition("\n## A first conversation\n")[2].partition("\n## ")[0]
    script = "".join(part.partition("```")[0] for part in section.split("```sh\n")[1:])
    assert "http://localhost:8000" in script
    script = script.replace("http://localhost:8000", stack.base_url)
    done = subprocess.run(  # our own README
        ["bash", "-e", "-o", "pipefail", "-c", script],  # noqa: S607  # any bash
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    answers, _, events = done.stdout.partition("retry: ")
    answer: Json = json.loads(answers.splitlines()[-1])
    assert answer["message"]["content"] == "Write a short poem about the sea."
    assert answer["reply"]["status"] == "completed"
    assert answer["reply"]["content"]
    assert events.count("\nevent: end\n") == 1


def test_each_guarantee_names_tests_that_exist() -> None:
    """A name without a folder is beside the one before it."""
    folder, found = "", []
    for name in re.findall(
        r"`((?:tests/\S+/|tests/)?test_\w+\.py)`", (_ROOT / "docs/guarantees.md").read_text()
    ):
        folder = name.rpartition("/")[0] or folder
        found.append(_ROOT / folder / name.rpartition("/")[2])
    assert len(found) > 20
    assert [path for path in found if not path.is_file()] == []


def test_each_term_of_the_glossary_names_a_file_that_exists() -> None:
    found = re.findall(r"\| `([^`]+)` \|$", (_ROOT / "docs/glossary.md").read_text(), re.MULTILINE)
    assert len(found) > 40
    assert [path for path in found if not (_ROOT / path).is_file()] == []


def test_the_pages_link_to_files_that_exist() -> None:
    pages = [*_ROOT.glob("*.md"), *(_ROOT / "docs").rglob("*.md"), *_ROOT.glob("*/README.md")]
    broken = [
        f"{page.relative_to(_ROOT)}: {link}"
        for page in pages
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())
        if not (page.parent / link).exists()
    ]
    assert broken == []


def test_the_newest_release_of_the_changelog_is_the_version() -> None:
    newest = re.findall(
        r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$", (_ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    )[0]
    assert newest == __version__
