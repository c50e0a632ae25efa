"""Celery's task events about replies, which Flower shows.

A task's id is its reply's id, so a reply is one task in Flower. When a poll or another process continues a
reply, no task runs there, and this module sends the events.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

import structlog
from celery.exceptions import Ignore

from app.queue.wake_ups import ProcessGeminiMessage

if TYPE_CHECKING:
    # Flower imports the tasks, and this module with them: it needs no models of tables.
    from app.services.generation.reply_reports import ReplyReport

log = structlog.get_logger(__name__)


class ReplyFailedError(Exception):
    """A reply failed for good."""


class TryFailedError(Exception):
    """An attempt failed; the reply's row holds the time of the next one."""


class Sender(Protocol):
    """The method of Celery's event dispatcher that this module calls."""

    def send(self, type: str, **fields: object) -> None:  # noqa: A002  # Celery's name
        """Send an event."""


_NAMES: Final = {ReplyFailedError: "task-failed", TryFailedError: "task-retried"}


def error_of(report: ReplyReport) -> ReplyFailedError | TryFailedError | None:
    """Return the error of a report, with a text that may be logged; None if there was none."""
    tries = "1 try" if report.tries == 1 else f"{report.tries} tries"
    reason = f": {report.reason}" if report.reason else ""
    if report.is_failed:
        return ReplyFailedError(f"{report.error_code} after {tries}{reason}")
    return None if report.is_final else TryFailedError(f"{tries} so far{reason}")


def result_of(report: ReplyReport | None) -> str:
    """Return a task's result.

    Raises:
        ReplyFailedError: the reply failed for good.
        Ignore: the reply has not ended here; the process that ends it sends its events.
    """
    if report is None:
        raise Ignore
    if error := error_of(report):
        raise error
    return report.status


class TaskEvents:
    """Sends events about replies for which no task runs in this process."""

    def __init__(self, worker: object) -> None:
        """Use the dispatcher of this Celery worker; each connection to the broker has a new one."""
        self._worker = worker

    def publish(self, report: ReplyReport) -> None:
        """Send a report in a thread: Celery's dispatcher writes to its socket when its buffer is full."""
        asyncio.get_running_loop().run_in_executor(None, self._send, report)

    def _send(self, report: ReplyReport) -> None:
        consumer = getattr(self._worker, "consumer", None)
        sender: Sender | None = getattr(consumer, "event_dispatcher", None)
        error = error_of(report)
        if sender is None:
            return
        uuid = str(report.reply_id)
        job = ProcessGeminiMessage(report.reply_id, report.request_id)
        try:
            sender.send("task-received", uuid=uuid, name=job.name, args="()", kwargs=repr(job.arguments()))
            sender.send("task-started", uuid=uuid)
            if error is not None:
                sender.send(_NAMES[type(error)], uuid=uuid, exception=repr(error), traceback="")
            else:
                result = repr(report.status)
                sender.send("task-succeeded", uuid=uuid, result=result, runtime=report.seconds)
        except Exception as failure:  # noqa: BLE001  # brokers raise errors of any class; the events are for operators only
            log.warning("task_events_not_sent", error=type(failure).__name__)
