"""Services that act for an operator record it: they open no other transaction that writes."""

import ast
from collections.abc import Iterator

import pytest

from app.repositories.audit import checked_reason
from tests.support.process import ROOT

_Function = ast.AsyncFunctionDef | ast.FunctionDef


def _functions() -> Iterator[tuple[str, _Function]]:
    for path in sorted((ROOT / "app" / "services").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, _Function):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def _types(function: _Function) -> set[str]:
    arguments = (*function.args.args, *function.args.kwonlyargs)
    return {ast.unparse(each.annotation) for each in arguments if each.annotation}


def _calls(function: _Function) -> set[str]:
    return {
        node.func.attr
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }


def test_every_service_that_takes_an_operator_opens_an_audited_transaction_and_no_other() -> None:
    """Red when one of them begins a transaction of its own: its change would have no row."""
    acting = [
        (place, function)
        for place, function in _functions()
        if "Actor" in _types(function) and "AuditedTransaction" not in _types(function)
    ]
    assert len(acting) > 10
    assert [place for place, function in acting if "begin" in _calls(function)] == []
    assert [place for place, function in acting if "begin_audited" not in _calls(function)] == []


@pytest.mark.parametrize(
    "reason", ["Ticket 4711", "Ticket 12345678", "2026-11-26 09:30: asked by the user", "a@ b", "x" * 500]
)
def test_ordinary_reasons_are_accepted(reason: str) -> None:
    assert checked_reason(f"  {reason} ") == reason
