"""Record spans with OpenTelemetry's SDK, and send them in the background by OTLP over HTTP."""

import asyncio
import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self, Unpack

from opentelemetry import context as contexts
from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode

from app import __version__
from app.tracing import Attributes, Span
from app.tracing.allowed import NAMES, AllowedOnly
from app.tracing.library_log import log_library_warnings
from app.tracing.propagation import TraceparentOnly, parse, traceparent
from app.tracing.variables import prepare_variables

_CLOSE_SECONDS: Final = 2.0


class _RecordedSpan(Span):
    __slots__ = ("_is_current", "_span", "_token")

    def __init__(self, span: trace.Span, *, is_current: bool) -> None:
        self._span = span
        self._is_current = is_current

    def set(self, **attributes: Unpack[Attributes]) -> None:
        _set(self._span, attributes)

    def __enter__(self) -> Self:
        if self._is_current:
            self._token = contexts.attach(trace.set_span_in_context(self._span))
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._is_current:
            contexts.detach(self._token)
        # Not a cancellation, nor a generator that is closed. An exception's message may quote a user's text.
        if isinstance(error, Exception):
            _set(self._span, {"error": type(error).__name__})
        self._span.end()


class Recorder:
    """The tracer of a process that is traced."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("app", __version__)

    @classmethod
    def start(cls, endpoint: str, *, process: str) -> Self:
        """Start sending the spans of this process, and those of FastAPI, to an OTLP endpoint."""
        prepare_variables()
        log_library_warnings()
        resource = Resource.create({"service.name": process, "service.version": __version__})
        provider = TracerProvider(
            resource=resource.merge(OTELResourceDetector().detect()), shutdown_on_exit=False
        )
        exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces")
        provider.add_span_processor(BatchSpanProcessor(AllowedOnly(exporter)))
        trace.set_tracer_provider(provider)
        propagate.set_global_textmap(TraceparentOnly())
        return cls(provider)

    async def aclose(self) -> None:
        """Send the waiting spans, and drop those that the collector does not take in time."""
        # A daemon: the exporter's own time limit is longer, and the process must be able to end.
        closing = threading.Thread(target=self._provider.shutdown, name="tracing-shutdown", daemon=True)
        closing.start()
        await asyncio.to_thread(closing.join, _CLOSE_SECONDS)

    def span(self, name: str, attributes: Attributes) -> Span:
        return self._start(name, attributes, SpanKind.INTERNAL, is_current=True)

    def job_span(self, name: str, traceparent: str | None, started: float, attributes: Attributes) -> Span:
        ago = time.monotonic() - started
        return self._start(
            name,
            attributes,
            SpanKind.CONSUMER,
            is_current=True,
            parent=parse(traceparent),
            start_time=time.time_ns() - int(ago * 1e9),
        )

    def call_span(self, name: str, attributes: Attributes) -> Span:
        return self._start(name, attributes, SpanKind.CLIENT, is_current=False)

    def annotate(self, attributes: Attributes) -> None:
        _set(trace.get_current_span(), attributes)

    def traceparent(self) -> str | None:
        return traceparent(trace.get_current_span().get_span_context())

    def log_fields(self) -> Mapping[str, str]:
        context = trace.get_current_span().get_span_context()
        return {"trace_id": trace.format_trace_id(context.trace_id)} if context.is_valid else {}

    def _start(
        self,
        name: str,
        attributes: Attributes,
        kind: SpanKind,
        *,
        is_current: bool,
        parent: Context | None = None,
        start_time: int | None = None,
    ) -> Span:
        span = self._tracer.start_span(name, parent, kind, start_time=start_time)
        _set(span, attributes)
        return _RecordedSpan(span, is_current=is_current)


def _set(span: trace.Span, attributes: Attributes) -> None:
    for name, value in attributes.items():
        if isinstance(value, str | int):
            span.set_attribute(NAMES[name], value)
    if attributes.get("error"):
        span.set_status(StatusCode.ERROR)
