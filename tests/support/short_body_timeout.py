"""The API with timeouts of one second instead of 10 and 30 for slow senders and stalled readers."""

from app.config import get_settings
from app.http_server import ConnectionLimits
from app.main import create_app

app = create_app(
    get_settings(),
    body_seconds=1,
    connection_limits=ConnectionLimits(receive_seconds=1, stall_seconds=1),
)
