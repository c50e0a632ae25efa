"""The API, but with a second instead of half a minute for a request's body to arrive."""

from app.config import get_settings
from app.main import create_app

app = create_app(get_settings(), body_seconds=1)
