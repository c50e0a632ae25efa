"""Ends a process that cannot work, with one sentence for the operator."""

import os
import sys
from typing import NoReturn


class StartRefusedError(Exception):
    """Raised with one sentence for the operator: this process cannot work with what it was given."""


def end_process(refused: StartRefusedError) -> NoReturn:
    """End this process with exit code 1 and the sentence, from any task or thread."""
    sys.stdout.flush()
    print(refused, file=sys.stderr, flush=True)  # noqa: T201  # as SystemExit does, which a task cannot raise
    os._exit(1)
