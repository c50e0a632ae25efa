"""Ids of rows."""

from app.models.base import new_id


def test_ids_of_the_same_millisecond_are_ordered() -> None:
    """Messages are ordered by id, and a question and its reply are created together.

    Red when the ids of one millisecond differ by random bits only.
    """
    ids = [new_id() for _ in range(10_000)]
    assert ids == sorted(set(ids))
