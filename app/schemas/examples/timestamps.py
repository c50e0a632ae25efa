"""Times, the mobile number and the cursor of the examples."""

from datetime import UTC, datetime
from typing import Final

NUMBER: Final = "+14155550123"
SIGNED_UP: Final = datetime(2026, 1, 30, 18, 4, 11, 120000, UTC)
ASKED: Final = datetime(2026, 1, 31, 12, 0, 0, 250000, UTC)
ANSWERED: Final = datetime(2026, 1, 31, 12, 0, 2, 410000, UTC)
MIDNIGHT: Final = datetime(2026, 2, 1, tzinfo=UTC)
NEXT_MONTH: Final = datetime(2026, 2, 28, 12, 5, 0, tzinfo=UTC)
CURSOR: Final = "vFoviNP8GetakhaSWyI0Il0"
