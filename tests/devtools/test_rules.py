"""The house rules of ./dev check find what they are there to find."""

from __future__ import annotations

from pathlib import Path

import pytest

from devtools import rules

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for package in ("app", "sandbox", "devtools"):
        (tmp_path / package).mkdir()
    (tmp_path / "requirements.txt").write_text("fastapi==1.0 \\\n    --hash=sha256:00\n")
    (tmp_path / "requirements-dev.txt").write_text("pytest==1.0 ; python_version > '3.10'\n")
    (tmp_path / "app" / "unit_of_work.py").write_text('"""The only file that commits."""\nsession.commit()\n')
    return tmp_path


def test_clean_tree_raises_no_complaint(tree: Path) -> None:
    assert not rules.denied_packages(tree)
    assert not rules.addresses_in_locks(tree)
    assert not rules.file_shapes(tree)
    assert not rules.ends_of_transactions(tree)
    assert not rules.detours_through_threads(tree)


@pytest.mark.parametrize(
    "line", ["python-jose==3.5.0", "Passlib==1.7", "ecdsa==0.19", "google_generativeai==0.8"]
)
def test_package_that_was_ruled_out_is_found_in_a_lock(tree: Path, line: str) -> None:
    (tree / "requirements.txt").write_text(f"{line} \\\n")
    assert len(rules.denied_packages(tree)) == 1


@pytest.mark.parametrize(
    "line",
    [
        "--index-url http://host/simple",
        "--find-links wheels",
        "thing @ file:wheels/thing.whl",
        "./thing",
        "/opt/x.whl",
    ],
)
def test_address_or_path_is_found_in_a_lock(tree: Path, line: str) -> None:
    (tree / "requirements-dev.txt").write_text(f"{line}\n")
    assert len(rules.addresses_in_locks(tree)) == 1


def test_long_and_wordless_files_are_found(tree: Path) -> None:
    (tree / "app" / "long.py").write_text('"""One job."""\n' + "x = 1\n" * 250)
    (tree / "sandbox" / "wordless.py").write_text("x = 1\n")
    (tree / "devtools" / "late.py").write_text('"""\nOne job."""\n')
    assert len(rules.file_shapes(tree)) == 3


def test_commit_and_rollback_elsewhere_are_found(tree: Path) -> None:
    (tree / "app" / "repository.py").write_text(
        '"""Rows."""\nawait session.commit()\nawait session.rollback()\n'
    )
    assert len(rules.ends_of_transactions(tree)) == 2


def test_routes_and_dependencies_that_are_plain_functions_are_found(tree: Path) -> None:
    (tree / "app" / "routes.py").write_text(
        '"""Routes."""\n'
        "def _plain(): ...\nasync def _good(): ...\ndef helper(): ...\n"
        "Plain = Annotated[str, Depends(_plain)]\nGood = Annotated[str, Depends(_good)]\n"
        '@router.get("/one")\ndef get_one(plain: Plain): ...\n'
        '@router.get("/two")\nasync def get_two(good: Good): ...\n'
    )
    assert len(rules.detours_through_threads(tree)) == 2
