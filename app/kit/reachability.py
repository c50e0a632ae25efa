"""Whether an HTTP server can be reached from this machine."""

import httpx2

from app.kit.outgoing import reason_of


async def unreachable_reason(url: str, *, seconds: float) -> str | None:
    """Request an address within `seconds`; return None if it answers in any way, otherwise why not."""
    try:
        async with httpx2.AsyncClient(timeout=seconds) as http:
            await http.head(url)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        return reason_of(error)
    return None
