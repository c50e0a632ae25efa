"""The reference of the settings, made from their descriptions: docs/configuration.md and .env.example.

`python -m app.config.reference`, run in the root of the repository, writes both.
"""

from enum import Enum
from pathlib import Path
from textwrap import wrap
from typing import Final

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from app.config.checks import REQUIRED_IN_PRODUCTION
from app.config.sections import SECTIONS

PAGE: Final = Path("docs/configuration.md")
ENVIRONMENT_FILE: Final = Path(".env.example")
_BEGIN: Final = (
    "<!-- Made by `python -m app.config.reference` from the descriptions in app/config/sections/. -->\n"
)
_END: Final = "<!-- End of what is made. -->\n"
_DEVELOPMENT_DEFAULTS: Final = {
    "migrate_on_start": "true in development",
    "otp_delivery": "response in development",
}
_OTHER_VARIABLES: Final = {
    "PORT": (
        "Port of the API under `./dev run`, in the image and with docker-compose.",
        "8000",
    ),
    "FLOWER_BASIC_AUTH": (
        "User and password of Flower, as `user:password`; required in production.",
        "none",
    ),
    "POSTGRES_PASSWORD": (
        "Password of docker-compose's own database, letters and digits; set it before the first start.",
        "app",
    ),
}
_OTHER_TITLE: Final = "Not read by the application"
_UNBROKEN: Final = "\N{NO-BREAK SPACE}"
_INTRODUCTION: Final = """\
# Settings. Copy this file to .env. The environment overrides it; an empty variable counts as not set.
# `./dev run` and `docker-compose up -d` both work with this file as it is. ★: required in production.
"""
_Row = tuple[str, str, str, str]
"""A variable: its mark, name, description and default."""


def settings_page(page: str) -> str:
    """Return the page with its tables regenerated."""
    head, _, rest = page.partition(_BEGIN)
    _, _, tail = rest.partition(_END)
    tables = "".join(_table(title, rows) for title, rows in _sections())
    return f"{head}{_BEGIN}\n{tables}{_END}{tail}"


def environment_file() -> str:
    """Return `.env.example`: every variable, empty, below its description and its default."""
    blocks = [f"\n## {title}\n" + "".join(_assignment(*row) for row in rows) for title, rows in _sections()]
    return _INTRODUCTION + "".join(blocks)


def _sections() -> list[tuple[str, list[_Row]]]:
    sections = [
        (section.section_title, [_row(name, field) for name, field in section.model_fields.items()])
        for section in SECTIONS
    ]
    others = [("", name, text, default) for name, (text, default) in _OTHER_VARIABLES.items()]
    return [*sections, (_OTHER_TITLE, others)]


def _row(name: str, field: FieldInfo) -> _Row:
    mark = "★ " if field.is_required() or name in REQUIRED_IN_PRODUCTION else ""
    return mark, name.upper(), " ".join((field.description or "").split()), _default(name, field)


def _default(name: str, field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, Enum):
        value = value.value
    return _DEVELOPMENT_DEFAULTS.get(name, "none" if value in (None, "", ()) else str(value))


def _table(title: str, rows: list[_Row]) -> str:
    lines = [f"## {title}", "", "| variable | default | meaning |", "|---|---|---|"]
    for mark, name, text, default in rows:
        value, separator, rest = default.partition(" in ")
        shown = default if default in ("none", "required") else f"`{value}`{separator}{rest}"
        lines.append(f"| `{name}` | {shown} | {mark}{text} |")
    return "\n".join(lines) + "\n\n"


def _assignment(mark: str, name: str, text: str, default: str) -> str:
    plain = f"{mark}{text}".replace("`", "")
    if default not in ("none", "required"):
        plain += " " + f"Default: {default}".replace(" ", _UNBROKEN)
    lines = wrap(plain, width=118, break_on_hyphens=False, break_long_words=False)
    return "".join(f"# {line.replace(_UNBROKEN, ' ')}\n" for line in lines) + f"{name}=\n"


if __name__ == "__main__":
    PAGE.write_text(settings_page(PAGE.read_text()))
    ENVIRONMENT_FILE.write_text(environment_file())
