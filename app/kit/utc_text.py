"""Times as text: RFC 3339, in UTC, with a `Z`."""

from datetime import UTC, datetime


def utc_text(time: datetime) -> str:
    """Format an aware time in UTC; its fraction of a second only if it has one."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")
