"""A collector of OpenTelemetry on loopback: it keeps the spans that processes send by OTLP over HTTP."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as WireSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from tests.support.waiting import eventually


@dataclass(frozen=True)
class Span:
    """A span as the collector received it."""

    service: str
    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    has_failed: bool
    start: int
    end: int
    attributes: dict[str, str | int]


class Collector:
    """A server that keeps what it receives; `url` is what `OTEL_EXPORTER_OTLP_ENDPOINT` is to be."""

    def __init__(self, *, answers: bool = True) -> None:
        """Create one; without `answers` it reads requests and never answers them."""
        self.bodies: list[bytes] = []
        self.paths: set[str] = set()
        self.keys: set[str | None] = set()
        self._silence = threading.Event()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # the name that the base class calls
                collector.bodies.append(self.rfile.read(int(self.headers["content-length"])))
                collector.paths.add(self.path)
                collector.keys.add(self.headers.get("x-collector-key"))
                if not answers:
                    collector._silence.wait()  # the same class
                    return
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's name
                """Write no log."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._silence.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def spans(self) -> list[Span]:
        """Return every received span."""
        return [span for body in list(self.bodies) for span in _spans(body)]

    def trace_of(self, trace_id: str, names: Sequence[str]) -> dict[str, Span]:
        """Wait until the trace has a span of each name, and return its spans by name, the newest of each."""
        return eventually(
            lambda: _by_name(self.spans, lambda span: span.trace_id == trace_id, names),
            what=f"a trace of {', '.join(names)}",
        )


def _by_name(
    spans: Sequence[Span], belongs: Callable[[Span], bool], names: Sequence[str]
) -> dict[str, Span] | None:
    found = {span.name: span for span in sorted(spans, key=lambda span: span.start) if belongs(span)}
    return found if found.keys() >= set(names) else None


def _spans(body: bytes) -> list[Span]:
    request = ExportTraceServiceRequest.FromString(body)
    return [
        Span(
            service=str(_attributes(resource.resource.attributes)["service.name"]),
            name=span.name,
            kind=WireSpan.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
            trace_id=span.trace_id.hex(),
            span_id=span.span_id.hex(),
            parent_id=span.parent_span_id.hex(),
            has_failed=span.status.code == Status.STATUS_CODE_ERROR,
            start=span.start_time_unix_nano,
            end=span.end_time_unix_nano,
            attributes=_attributes(span.attributes),
        )
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def _attributes(pairs: Sequence[KeyValue]) -> dict[str, str | int]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> str | int:
    return value.int_value if value.HasField("int_value") else value.string_value
