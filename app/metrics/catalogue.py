"""Every metric of this product, for documents and tests; a process loads only its own part."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from app.metrics import api, shared, stored, worker
from app.metrics.families import DECLARED, Family

_PARTS: Final = (api, shared, stored, worker)
"""The modules that declare metrics, each when it is imported."""

CATALOGUE: Final[Mapping[str, Family]] = MappingProxyType(DECLARED)
"""Every metric by its exposed name."""
