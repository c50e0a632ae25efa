"""redis-py's connection with TLS, imported before anything else of redis-py and without OpenTelemetry's SDK.

redis-py loads that SDK's metrics wherever it is installed: 2.3 MB and 50 ms for each process, for nothing.
"""

import sys
from typing import Final, cast

_UNUSED: Final = "opentelemetry.sdk.metrics"
_modules = cast("dict[str, object]", sys.modules)

_found = _modules.get(_UNUSED)
_modules[_UNUSED] = None  # the import system's way to let an import fail, which redis-py allows for
try:
    from redis.asyncio.connection import SSLConnection
finally:
    del _modules[_UNUSED]
    if _found is not None:
        _modules[_UNUSED] = _found

__all__ = ["SSLConnection"]
