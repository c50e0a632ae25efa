"""Ends a process that cannot work, with one sentence for the operator."""

import os
import sys
from typing import NoReturn

from app.config import START_FAILURE


class StartRefusedError(Exception):
    """Raised with one sentence for the operator: this process cannot work with what it was given."""


def end_process(refused: StartRefusedError) -> NoReturn:
    """End this process with the sentence on stderr, from any task or thread."""
    sys.stdout.flush()
    print(refused, file=sys.stderr, flush=True)  # noqa: T201  # as SystemExit does, which a task cannot raise
    os._exit(START_FAILURE)
