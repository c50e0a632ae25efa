"""Paths that ignore unknown query parameters."""

import pytest

from app.kit.query_rules import allows_unknown_query


@pytest.mark.parametrize("path", ["/health", "/health/live", "/metrics", "/webhook/stripe", "/docs"])
def test_callers_that_add_parameters_may_do_so(path: str) -> None:
    assert allows_unknown_query(path)


@pytest.mark.parametrize("path", ["/", "/user/me", "/chatroom", "/models"])
def test_everywhere_else_unknown_parameters_are_rejected(path: str) -> None:
    assert not allows_unknown_query(path)
