"""The API with limits of a second instead of 10 and 30 for what clients send and do not read."""

from app.config import get_settings
from app.http_server import ConnectionLimits
from app.main import create_app

app = create_app(
    get_settings(),
    body_seconds=1,
    connection_limits=ConnectionLimits(receive_seconds=1, stall_seconds=1),
)
