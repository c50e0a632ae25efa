"""The `Prefer` header of requests that wait for a reply."""

import pytest

from app.routers.prefer import Preference, read_preference


@pytest.mark.parametrize(
    ("header", "preference"),
    [
        (None, Preference(20, None)),
        ("", Preference(20, None)),
        ("respond-async", Preference(0, "respond-async")),
        ("wait=5", Preference(5, "wait=5")),
        ('wait="5"', Preference(5, "wait=5")),
        ("wait=0", Preference(0, "wait=0")),
        ("Wait=5; foo=bar", Preference(5, "wait=5")),
        ("return=minimal, wait=7", Preference(7, "wait=7")),
        ("wait=61", Preference(60, "wait=60")),
        ("wait=-1", Preference(20, None)),
        ("wait=99999", Preference(20, None)),
        ("wait", Preference(20, None)),
    ],
)
def test_the_first_known_preference_applies(header: str | None, preference: Preference) -> None:
    """A wait is cut at 60 seconds; what cannot be read is ignored."""
    assert read_preference(header, default_seconds=20) == preference
