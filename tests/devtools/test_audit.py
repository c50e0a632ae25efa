"""The audit of the locks: findings are red; an advisory service that cannot be asked is only told of."""

import json
import sys
from pathlib import Path

import pytest

from devtools.audit import audit

_CLEAN = {"name": "alpha", "version": "1.0", "vulns": []}
_FOUND = {
    "name": "beta",
    "version": "2.0",
    "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["2.1"], "aliases": [], "description": "…"}],
}
_SKIPPED = {"name": "gamma", "skip_reason": "not found"}


def _program(
    folder: Path, *, says: str = "", complains: str = "", code: int = 0, waits: bool = False
) -> list[str]:
    """A program in pip-audit's place."""
    script = folder / "audit.py"
    wait = "import threading; threading.Event().wait()" if waits else ""
    script.write_text(
        f"import sys\nprint({says!r})\nprint({complains!r}, file=sys.stderr)\n{wait}\nsys.exit({code})\n"
    )
    return [sys.executable, str(script)]


def _says(*packages: object) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


def test_a_known_vulnerability_is_red(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also when others could not be audited. Red when the exit code is 0."""
    assert audit(_program(tmp_path, says=_says(_CLEAN, _FOUND, _SKIPPED), code=1)) == 1
    assert "beta 2.0: PYSEC-2026-1, fixed in 2.1" in capsys.readouterr().out


def test_without_a_vulnerability_it_says_how_much_was_audited(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit(_program(tmp_path, says=_says(_CLEAN, _CLEAN))) == 0
    assert capsys.readouterr().out == "1 packages, none with a known vulnerability\n"


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ({"complains": "Traceback\nno such host", "code": 1}, "no such host"),
        ({"says": "<html>", "code": 0}, "no output"),
        ({"says": _says(_CLEAN, _SKIPPED)}, "the service does not know gamma"),
        ({"waits": True}, "no result in 2 seconds"),
    ],
    ids=["unreachable", "another answer", "a mirror", "too slow"],
)
def test_a_service_that_cannot_be_asked_is_told_of_and_not_red(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], program: dict[str, object], reason: str
) -> None:
    """Red for "a mirror" when what was skipped counts as well."""
    assert audit(_program(tmp_path, **program), seconds=2 if "waits" in program else 60) == 0  # type: ignore[arg-type]  # the cases above
    assert capsys.readouterr().out == f"NOT AUDITED, going on: {reason}\n"


def test_a_program_that_could_not_be_installed_is_told_of(capsys: pytest.CaptureFixture[str]) -> None:
    assert audit(["/nowhere/pip-audit"]) == 0
    assert "NOT AUDITED, going on: /nowhere/pip-audit" in capsys.readouterr().out
