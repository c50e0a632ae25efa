"""The command `celery worker` without what Celery prints past the log."""

import sys
from typing import Any

from celery.apps import worker as command
from celery.worker import WorkController

from app.config import LogFormat, get_settings
from app.log import log_format_of

_celery: Any = command
"""The module with the functions that its published types lack."""


class Worker(command.Worker):
    """Prints Celery's banner and its words about signals for short lines only: JSON has other readers."""

    def on_before_init(self, quiet: bool = False, **options: Any) -> None:  # noqa: ANN401, FBT001, FBT002  # Celery's signature
        """Leave out the banner if the log is JSON."""
        self._is_json = log_format_of(get_settings()) is LogFormat.JSON
        super().on_before_init(quiet=quiet or self._is_json, **options)

    def install_platform_tweaks(self, worker: WorkController) -> None:
        """Install Celery's signal handlers, and silence them if the log is JSON: it has `worker_draining`."""
        super().install_platform_tweaks(worker)
        if self._is_json:
            _celery.install_worker_term_handler(worker, verbose=False)
            _celery.install_worker_int_handler(worker, verbose=False, callback=_on_interrupt)
            _celery.install_worker_term_hard_handler(worker, verbose=False, callback=_on_quit)


def _on_interrupt(worker: WorkController) -> None:
    """Let a second interrupt end the worker at once, as Celery does."""
    _celery.install_worker_term_hard_handler(worker, sig="SIGINT", verbose=False, callback=_on_quit)


def _on_quit(worker: WorkController) -> None:
    """Do what Celery does, without the sentence that it writes to the terminal."""
    shown = sys.__stdout__
    sys.__stdout__ = None  # type: ignore[misc]  # Celery writes to it only if it is there
    try:
        _celery.on_cold_shutdown(worker)
    finally:
        sys.__stdout__ = shown  # type: ignore[misc]  # as above
