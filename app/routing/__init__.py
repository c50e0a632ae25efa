"""Routes whose path, dependencies and parameters are worked out once, when they are declared."""

from app.routing.route import Route

__all__ = ["Route"]
