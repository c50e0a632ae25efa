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
    (tmp_path / "requirements.in").write_text("fastapi>=0.9\n")
    (tmp_path / "requirements-dev.in").write_text("# more\npytest\n")
    _install(tmp_path, "fastapi", "1.0")
    _install(tmp_path, "pytest", "1.0")
    (tmp_path / "app" / "unit_of_work.py").write_text('"""The only file that commits."""\nsession.commit()\n')
    return tmp_path


def _install(tree: Path, name: str, version: str, *requires: str) -> None:
    """Leave what an installation of this package would leave of its metadata."""
    folder = tree / "installed" / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir(parents=True)
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    (folder / "METADATA").write_text("\n".join([*lines, *(f"Requires-Dist: {line}" for line in requires)]))


def _unpinned(tree: Path) -> list[str]:
    return rules.unpinned_requirements(tree, [str(tree / "installed")])


def test_clean_tree_raises_no_complaint(tree: Path) -> None:
    assert not rules.denied_packages(tree)
    assert not rules.addresses_in_locks(tree)
    assert not _unpinned(tree)
    assert not rules.file_shapes(tree)
    assert not rules.ends_of_transactions(tree)
    assert not rules.detours_through_threads(tree)
    assert not rules.replaced_words(tree)


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


@pytest.mark.parametrize(
    ("requires", "pinned"),
    [
        ("auth[requests]<3,>=2", "auth==2.5"),
        ("auth[requests,grpc]", "auth[grpc]==2.5"),
        ("auth[requests]", "auth[grpc,requests]==2.5"),
        ("auth[Req_Uests]", "auth==2.5"),
        ("auth", "auth[requests]==2.5"),
        ("auth>=3", "auth==2.5"),
        ("auth", "other==1.0"),
        ("auth[a] ; sys_platform == 'darwin'", "auth==2.5"),
        ("auth[a] ; python_version >= '3.13'", "auth==2.5"),
        ("auth[a] ; platform_machine == 'aarch64'", "auth==2.5"),
        ("auth ; python_full_version < '3.11.3'", "auth==2.5 ; python_version >= '3.12'"),
        ("auth[a] ; extra == 'more'", "auth==2.5"),
    ],
)
@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt"])
def test_requirement_of_a_locked_package_that_is_not_pinned_is_found(
    tree: Path, lock: str, requires: str, pinned: str
) -> None:
    _install(tree, "genai", "1.0", requires)
    _install(tree, "auth", "2.5")
    _install(tree, "other", "1.0")
    name = "fastapi" if lock == "requirements.txt" else "pytest"
    (tree / lock).write_text(
        f"{name}==1.0\ngenai[more]==1.0 \\\n    --hash=sha256:00\n    # via x\n{pinned}\n"
    )
    (found,) = _unpinned(tree)
    assert found.startswith(f"{lock}: genai requires auth")


@pytest.mark.parametrize(
    ("requires", "pinned"),
    [
        ("auth[requests]<3,>=2", "auth[requests]==2.5"),
        ("Auth[Re_Quests]", "auth==2.5\nauth[re-quests]==2.5"),
        ("auth[a] ; extra == 'less'", "auth==2.5"),
        ("auth[a] ; sys_platform == 'win32'", "auth==2.5"),
        ("auth[a] ; python_version < '3.11'", "auth==2.5"),
        ("auth ; sys_platform == 'darwin'", "auth==2.5 ; sys_platform == 'darwin'"),
        ("auth>=2.5b1", "auth==2.5b2 ; sys_platform == 'darwin'\nauth==2.5 ; sys_platform != 'darwin'"),
    ],
)
def test_requirement_that_is_pinned_or_needed_on_no_target_is_no_complaint(
    tree: Path, requires: str, pinned: str
) -> None:
    _install(tree, "genai", "1.0", requires)
    _install(tree, "auth", "2.5")
    (tree / "requirements.txt").write_text(f"fastapi==1.0\ngenai[more]==1.0\n{pinned}\n")
    assert not _unpinned(tree)


def test_requirement_of_the_in_files_that_is_not_pinned_is_found(tree: Path) -> None:
    (tree / "requirements.in").write_text("fastapi[standard]>=0.9  # why\n")
    (tree / "requirements-dev.in").write_text("-r requirements.in\n-c requirements.txt\npytest\n")
    wanted = "this project requires fastapi[standard]>=0.9; pinned is"
    assert _unpinned(tree) == [
        f"requirements.txt: {wanted} fastapi==1.0",
        f"requirements-dev.txt: {wanted} nothing of it",
    ]


def test_package_whose_requirements_cannot_be_read_is_found(tree: Path) -> None:
    (tree / "requirements.txt").write_text("fastapi==1.0\nauth==2.5\n")
    assert _unpinned(tree) == ["requirements.txt: auth 2.5 is not installed, so its requirements are unknown"]


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


@pytest.mark.parametrize(
    "line",
    [
        '"""Whoever asks waits."""',
        "# the database is away",
        "forgotten = 1  # forgotten",
        '"""What a person sends."""',
        "log.info('look at it')",
    ],
)
def test_replaced_word_is_found_in_code_and_documents(tree: Path, line: str) -> None:
    (tree / "app" / "words.py").write_text(f'"""A file."""\n{line}\n')
    (tree / "docs").mkdir()
    (tree / "docs" / "page.md").write_text("A page without such words, with a lookup.\n")
    [complaint] = rules.replaced_words(tree)
    assert complaint.startswith("app/words.py:2: ")


def test_value_of_a_released_table_is_no_replaced_word(tree: Path) -> None:
    (tree / "app" / "words.py").write_text('"""A file."""\nUSER = "person"\n')
    assert not rules.replaced_words(tree)
