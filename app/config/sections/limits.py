"""Settings of the limits of users and addresses."""

from typing import ClassVar

from app.config.forms import Count, Networks
from app.config.sections.base import Section


class LimitSettings(Section):
    """Limits of users and addresses."""

    section_title: ClassVar[str] = "Limits"

    basic_requests_per_minute: Count = 100
    """Requests of one user on Basic in any 60 seconds."""
    pro_requests_per_minute: Count = 100
    """Requests of one user on Pro in any 60 seconds."""
    basic_rooms_per_user: Count = 500
    """Chatrooms of one user on Basic, including archived ones."""
    pro_rooms_per_user: Count = 10_000
    """Chatrooms of one user on Pro, including archived ones."""
    ip_requests_per_minute: Count = 1000
    """Requests from one address in any 60 seconds; an IPv6 /64 counts as one address."""
    streams_per_user: Count = 20
    """Event streams that one user may have open at once."""
    exports_per_user: Count = 2
    """Exports that one user may have running at once."""
    trusted_proxies: Networks = ()
    """Comma-separated addresses or networks of your proxies, whose `X-Forwarded-For` is believed; no proxy
    is trusted if empty."""
