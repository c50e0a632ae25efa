"""The plan of each named statement is kept beside its text."""

import re

from benchmarks.plans import PAGE, named_statements
from tests.support.process import ROOT


def test_every_statement_has_its_plan() -> None:
    """Red when a statement is added or renamed without `./dev bench plans --servers`."""
    described = re.findall(r"^## (\w+)$", (ROOT / PAGE).read_text(), re.MULTILINE)
    assert described == list(named_statements())
