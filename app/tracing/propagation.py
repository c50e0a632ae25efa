"""Read and write W3C's `traceparent`, and nothing else that a client may send with a trace."""

from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import CarrierT, Getter, default_getter
from opentelemetry.trace import SpanContext
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_HEADER: Final = "traceparent"
_W3C: Final = TraceContextTextMapPropagator()


class TraceparentOnly(TraceContextTextMapPropagator):
    """Takes the trace of a client, and drops `tracestate` and `baggage`, which hold any text."""

    def extract(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        getter: Getter[CarrierT] = default_getter,
    ) -> Context:
        values = getter.get(carrier, _HEADER) or ()
        return super().extract({_HEADER: values[0] if len(values) == 1 else ""}, context)


def parse(stored: str | None) -> Context:
    """Return the context of a stored `traceparent`; an empty one if there is none."""
    return _W3C.extract({_HEADER: stored or ""}, Context())


def traceparent(span: SpanContext) -> str | None:
    """Return a span's `traceparent`; None outside of traces."""
    if not span.is_valid:
        return None
    trace_id, span_id = trace.format_trace_id(span.trace_id), trace.format_span_id(span.span_id)
    return f"00-{trace_id}-{span_id}-{span.trace_flags:02x}"
