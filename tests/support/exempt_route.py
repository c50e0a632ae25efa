"""The API with one more route: an authenticated one under a path without a limit of requests."""

from app.config import get_settings
from app.dependencies import User
from app.main import create_app

app = create_app(get_settings())


@app.get("/health/caller", include_in_schema=False)
async def get_caller(user: User) -> dict[str, str]:
    """Return the id of the caller."""
    return {"id": str(user.id)}
