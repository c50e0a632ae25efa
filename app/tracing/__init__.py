"""Spans of OpenTelemetry; no-ops, without any of its modules loaded, until a process is traced."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Final, Protocol, Self, TypedDict, Unpack

import structlog

from app.config import Settings

if TYPE_CHECKING:
    from app.tracing.recording import Recorder

log = structlog.get_logger(__name__)


class Attributes(TypedDict, total=False):
    """The attributes that a span may have: no id, no address, no text of a user or a client."""

    attempt: int
    outcome: str
    model: str | None
    input_tokens: int
    output_tokens: int
    status: int
    error: str | None
    """A code or the name of a class; marks the span as failed."""


class Span:
    """A part of a trace, for a `with` or `async with` block; this one records nothing."""

    __slots__ = ()

    def set(self, **attributes: Unpack[Attributes]) -> None:
        """Add attributes; None leaves one out."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        pass

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)


class Tracer(Protocol):
    """The functions of this module in a process that is traced."""

    def span(self, name: str, attributes: Attributes) -> Span: ...
    def job_span(
        self, name: str, traceparent: str | None, started: float, attributes: Attributes
    ) -> Span: ...
    def call_span(self, name: str, attributes: Attributes) -> Span: ...
    def annotate(self, attributes: Attributes) -> None: ...
    def traceparent(self) -> str | None: ...
    def log_fields(self) -> Mapping[str, str]: ...


_NOTHING: Final = Span()
_NO_FIELDS: Final[Mapping[str, str]] = {}
_tracer: Tracer | None = None


def span(name: str, **attributes: Unpack[Attributes]) -> Span:
    """Return a span below the current one, and the current one in its block."""
    return _NOTHING if _tracer is None else _tracer.span(name, attributes)


def job_span(name: str, *, traceparent: str | None, started: float, **attributes: Unpack[Attributes]) -> Span:
    """Return a span below a stored one, or of a new trace; `started` is a monotonic time."""
    return _NOTHING if _tracer is None else _tracer.job_span(name, traceparent, started, attributes)


def call_span(name: str, **attributes: Unpack[Attributes]) -> Span:
    """Return the span of a request to another service; it never becomes the current one.

    So an async generator can hold it: its caller's spans stay where they are.
    """
    return _NOTHING if _tracer is None else _tracer.call_span(name, attributes)


def annotate(**attributes: Unpack[Attributes]) -> None:
    """Add attributes to the current span."""
    if _tracer is not None:
        _tracer.annotate(attributes)


def current_traceparent() -> str | None:
    """Return the current span as W3C's `traceparent`, to be stored with what continues the trace."""
    return None if _tracer is None else _tracer.traceparent()


def log_fields() -> Mapping[str, str]:
    """Return `trace_id` for the log, in a trace."""
    return _NO_FIELDS if _tracer is None else _tracer.log_fields()


@asynccontextmanager
async def traced(settings: Settings, *, process: str) -> AsyncIterator[None]:
    """Trace this process while in this block, if `OTEL_EXPORTER_OTLP_ENDPOINT` is set.

    Leaving sends the spans that wait, for two seconds at most.
    """
    global _tracer  # noqa: PLW0603  # a process has one tracer, as it has one log
    address = settings.otel_exporter_otlp_endpoint
    recorder = None if address is None else _start(address, process)
    if recorder is None:
        yield
        return
    _tracer = recorder
    try:
        yield
    finally:
        _tracer = None
        await recorder.aclose()


def _start(address: str, process: str) -> "Recorder | None":
    """Load the SDK: 7 MB and 0.1 s, which a process without traces saves."""
    from app.tracing.recording import Recorder  # noqa: PLC0415  # as said above

    try:
        return Recorder.start(address, process=process)
    except Exception as error:  # noqa: BLE001  # the SDK raises errors of any class for its variables
        log.error("tracing_not_started", reason=f"{type(error).__name__}: {error}")  # noqa: TRY400  # no traceback
        return None
