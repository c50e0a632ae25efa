"""The parser of mobile numbers is pure: it needs neither Redis nor metrics nor a logger."""

import subprocess
import sys

_SCRIPT = """
import sys
from app.services.identity.mobile_number import MobileNumbers
print(MobileNumbers("US", frozenset({"US"})).read("(415) 555-0123"))
print(*(name for name in ("redis", "app.redis_client", "app.metrics", "structlog") if name in sys.modules))
"""


def test_parsing_a_number_loads_no_redis_no_metrics_and_no_logger() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines() == ["+14155550123", ""]
