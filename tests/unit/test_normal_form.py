"""Normalization cuts long runs of combining marks."""

import re
import time
import unicodedata

import pytest

from app.kit.normal_form import MARKS, normalized
from tests.support.process import ROOT

_MIGRATION = ROOT / "alembic" / "versions" / "20261126_0013_search_marks.py"


def test_the_migration_has_the_same_marks() -> None:
    assert "".join(re.findall(r'^    r"(.+)"$', _MIGRATION.read_text(), re.MULTILINE)) == MARKS


def test_runs_of_marks_are_cut_to_thirty() -> None:
    for mark in ("\u0301", "\u0345", "\u0f73", "\uff9e", "\U0001d165"):
        assert normalized(f"q{mark * 30}x", "NFC") == unicodedata.normalize("NFC", f"q{mark * 30}x")
        assert normalized(f"q{mark * 99}x", "NFC") == unicodedata.normalize("NFC", f"q{mark * 30}x")
    assert normalized("ﬁne cafe\u0301", "NFKC") == "fine caf\u00e9"


@pytest.mark.parametrize("marks", ["\u0345" * 16_000 + "\u0334" * 16_000, "\u0f73\u0f75\u0f81" * 11_000])
def test_normalization_takes_linear_time(marks: str) -> None:
    """Red without the cut: Python sorts the marks for seconds while it holds the interpreter lock."""
    began = time.perf_counter()
    normalized(f"a{marks}", "NFKC")
    assert time.perf_counter() - began < 0.5
