"""Reports of what was recorded about replies, for the tasks that wake workers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from app.models import Message, MessageStatus


@dataclass(frozen=True, slots=True)
class ReplyReport:
    """A recorded attempt. `reason` is for operators and holds nothing of the conversation."""

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
    """The report that a task waits for; None as long as this process has not recorded the reply's end."""

    report: ReplyReport | None = None


class ReplyReports:
    """Pass the report of a reply's end to the task that waits for it; publish all others.

    A task only wakes a process. Its reply may be claimed by another process, wait for its turn, or be tried
    again by a poll: then the task has long ended when there is something to report.
    """

    def __init__(self, publish: Callable[[ReplyReport], None]) -> None:
        self._publish = publish
        self._awaited: dict[UUID, Awaited] = {}

    @contextmanager
    def awaiting(self, reply_id: UUID) -> Iterator[Awaited]:
        """Take the report of a reply's end while in this block."""
        awaited = self._awaited[reply_id] = Awaited()
        try:
            yield awaited
        finally:
            if self._awaited.get(reply_id) is awaited:
                del self._awaited[reply_id]

    def record(self, reply: Message) -> None:
        """Report an attempt from the reply's row as it was committed."""
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
