"""Build the limits of the API by plan, from the settings."""

from app.config import Settings
from app.kit.clock import utc_now
from app.rate_limiter import RateLimiter
from app.redis_client.connection import RedisConnection
from app.services.chat.room_limit import RoomLimit
from app.services.usage.plans import Plans


def rate_limiter(settings: Settings, redis: RedisConnection) -> RateLimiter:
    """Build the limiter of requests per minute, of an address and of a user."""
    return RateLimiter(
        redis,
        ip_limit=settings.ip_requests_per_minute,
        user_limits=Plans.from_settings(settings).requests_per_minute,
    )


def room_limit(settings: Settings) -> RoomLimit:
    """Build the limit on rooms per user."""
    return RoomLimit(Plans.from_settings(settings).rooms, utc_now)
