"""Limits of the API by plan, from the settings."""

from app.config import Settings
from app.kit.clock import utc_now
from app.models import Plan
from app.rate_limiter import RateLimiter
from app.redis_client.connection import RedisConnection
from app.services.chat.room_limit import RoomLimit


def rate_limiter(settings: Settings, redis: RedisConnection) -> RateLimiter:
    """Create the limiter of requests per minute, by address and by user."""
    return RateLimiter(
        redis,
        ip_limit=settings.ip_requests_per_minute,
        user_limits={
            Plan.BASIC: settings.basic_requests_per_minute,
            Plan.PRO: settings.pro_requests_per_minute,
        },
    )


def room_limit(settings: Settings) -> RoomLimit:
    """Create the limit of rooms per user."""
    return RoomLimit(
        {Plan.BASIC: settings.basic_rooms_per_user, Plan.PRO: settings.pro_rooms_per_user}, utc_now
    )
