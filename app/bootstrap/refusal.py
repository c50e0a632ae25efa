"""End a process that cannot start, with one sentence for the operator."""

import os
import sys
from typing import NoReturn

from app.config import START_FAILURE


class StartRefusedError(Exception):
    """The settings or the database make a start impossible; the message is one sentence for the operator."""


def end_process(refused: StartRefusedError) -> NoReturn:
    """Print the sentence on stderr and end this process, from any task or thread."""
    sys.stdout.flush()
    print(refused, file=sys.stderr, flush=True)  # noqa: T201  # as SystemExit does, which a task cannot raise
    os._exit(START_FAILURE)
