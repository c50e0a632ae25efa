"""Times in error bodies."""

import json
from datetime import UTC, datetime

from app.errors import DailyLimitReached
from app.problem_response import problem_response


def test_times_of_an_error_body_are_written_with_a_z() -> None:
    """Red when a member is formatted in another way than times of other responses."""
    midnight = datetime(2026, 11, 27, tzinfo=UTC)
    error = DailyLimitReached(limit=5, used=5, resets_at=midnight, retry_after=60)
    body = json.loads(bytes(problem_response(error, "request").body))
    assert body["resets_at"] == "2026-11-27T00:00:00Z"
    assert body["timestamp"].endswith("Z")
