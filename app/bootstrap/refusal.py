"""End a process that cannot start, with one sentence for the operator."""

import os
import sys
from typing import NoReturn

from app.config import START_FAILURE, refuse_to_start


class StartRefusedError(Exception):
    """The settings or the database make a start impossible; the message is one sentence for the operator."""


def end_process(refused: StartRefusedError) -> NoReturn:
    """Write the sentence to stderr and end this process, from any task or thread."""
    sys.stdout.flush()
    refuse_to_start(str(refused))
    os._exit(START_FAILURE)
