"""Reports of recorded attempts, for the tasks that wake workers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from app.models import Message, MessageStatus


@dataclass(frozen=True, slots=True)
class ReplyReport:
    """A recorded attempt. `reason` is for operators and contains no text of the conversation."""

    reply_id: UUID
    request_id: str | None
    status: str
    is_final: bool
    is_failed: bool
    tries: int
    seconds: float
    error_code: str | None
    reason: str | None


@dataclass(slots=True)
class Awaited:
    """The report that a task waits for; None until this process records the reply's end."""

    report: ReplyReport | None = None


class ReplyReports:
    """Passes the report of a reply's end to the task that waits for it; publishes all others.

    A task only wakes a process. Its reply may be claimed by another process, wait in the queue, or be retried
    by a poll: then the task has ended before there is a report.
    """

    def __init__(self, publish: Callable[[ReplyReport], None]) -> None:
        self._publish = publish
        self._awaited: dict[UUID, Awaited] = {}

    @contextmanager
    def awaiting(self, reply_id: UUID) -> Iterator[Awaited]:
        """Receive the report of a reply's end while in this block."""
        awaited = self._awaited[reply_id] = Awaited()
        try:
            yield awaited
        finally:
            if self._awaited.get(reply_id) is awaited:
                del self._awaited[reply_id]

    def record(self, reply: Message) -> None:
        """Report an attempt by the committed row of its reply."""
        report = ReplyReport(
            reply_id=reply.id,
            request_id=reply.request_id,
            status=reply.status.value,
            is_final=reply.status.is_final,
            is_failed=reply.status is MessageStatus.FAILED,
            tries=reply.attempt,
            seconds=(reply.duration_ms or 0) / 1000,
            error_code=reply.error_code,
            reason=reply.last_error,
        )
        if report.is_final and (awaited := self._awaited.get(reply.id)):
            awaited.report = report
        else:
            self._publish(report)
