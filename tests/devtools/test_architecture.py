"""The picture of docs/architecture.md follows the imports."""

from __future__ import annotations

from pathlib import Path

import pytest

from devtools import architecture


def _module(root: Path, name: str, text: str = "") -> None:
    path = root / "app" / f"{name}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'"""A module."""\n{text}\n')


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    _module(tmp_path, "__init__")
    _module(tmp_path, "main", "from app.bootstrap import api\nfrom app import models")
    _module(tmp_path, "bootstrap/api", "import app.models.message")
    _module(tmp_path, "models/message")
    (tmp_path / "docs").mkdir()
    return tmp_path


def test_an_arrow_that_a_longer_way_implies_is_left_out(tree: Path) -> None:
    arrows = [line.strip() for line in architecture.draw(tree).splitlines() if "-->" in line]
    assert arrows == ["entry --> bootstrap", "bootstrap --> data"]


def test_a_new_import_makes_the_page_outdated_until_it_is_drawn_again(tree: Path) -> None:
    page = tree / architecture.PAGE
    page.write_text(f"# Page\n\n```mermaid\n{architecture.draw(tree)}```\n")
    assert architecture.outdated_picture(tree) == []
    _module(tree, "models/message", "from app.kit import clock")
    _module(tree, "kit/clock")
    assert len(architecture.outdated_picture(tree)) == 1


def test_a_circle_of_imports_is_named(tree: Path) -> None:
    (tree / architecture.PAGE).write_text("```mermaid\n```\n")
    _module(tree, "models/message", "import app.main")
    [complaint] = architecture.outdated_picture(tree)
    assert complaint.startswith("a circle of imports: ")
    assert "bootstrap → data → entry" in complaint


def test_a_module_of_no_part_is_named(tree: Path) -> None:
    (tree / architecture.PAGE).write_text("```mermaid\n```\n")
    _module(tree, "novelty")
    [complaint] = architecture.outdated_picture(tree)
    assert complaint.startswith("app.novelty belongs to no part")
