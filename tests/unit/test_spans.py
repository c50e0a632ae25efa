"""Spans: their attributes, failures and parents, and the form of a stored traceparent."""

import asyncio
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from app import tracing
from app.tracing.allowed import AllowedOnly
from app.tracing.propagation import parse, traceparent
from app.tracing.recording import Recorder

_STORED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class _Recording:
    """A tracer whose finished spans are kept."""

    def __init__(self) -> None:
        self._kept = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(AllowedOnly(self._kept)))
        self.tracer = Recorder(provider)

    @property
    def spans(self) -> dict[str, ReadableSpan]:
        """Return the finished spans by name."""
        return {span.name: span for span in self._kept.get_finished_spans()}


def test_outside_of_a_traced_process_spans_record_nothing() -> None:
    with (
        tracing.span("a") as span,
        tracing.job_span("b", traceparent=_STORED, started=0.0),
        tracing.call_span("c"),
    ):
        span.set(attempt=1)
        tracing.annotate(attempt=2)
        assert tracing.current_traceparent() is None
        assert tracing.log_fields() == {}


def test_a_failed_span_names_the_exception_and_not_its_message() -> None:
    """Red when the message is an attribute: it may quote a text."""
    recording = _Recording()
    with pytest.raises(ValueError, match="Dear diary"), recording.tracer.span("work", {}):
        raise ValueError("Dear diary")
    span = recording.spans["work"]
    assert dict(span.attributes or {}) == {"error.type": "ValueError"}
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, None)
    assert not span.events


def test_a_cancelled_span_has_not_failed() -> None:
    recording = _Recording()
    with pytest.raises(asyncio.CancelledError), recording.tracer.span("work", {}):
        raise asyncio.CancelledError
    assert recording.spans["work"].status.status_code is StatusCode.UNSET


def test_a_call_is_below_the_current_span_and_never_the_current_one() -> None:
    """Red when it becomes the current one: an async generator would leave it so for its caller."""
    recording = _Recording()
    tracer = recording.tracer
    with tracer.span("work", {}), tracer.call_span("call", {"model": "gemini"}), tracer.span("beside it", {}):
        pass
    work = recording.spans["work"].get_span_context()
    assert work is not None
    parents = {name: span.parent and span.parent.span_id for name, span in recording.spans.items()}
    assert parents == {"work": None, "call": work.span_id, "beside it": work.span_id}


def test_a_job_continues_the_stored_trace_and_begins_with_its_claim() -> None:
    recording = _Recording()
    with recording.tracer.span("something else", {}):
        with recording.tracer.job_span("job", _STORED, time.monotonic() - 5, {"attempt": 2}):
            assert (recording.tracer.traceparent() or "")[:36] == _STORED[:36]
            assert recording.tracer.log_fields() == {"trace_id": _STORED[3:35]}
        with recording.tracer.job_span("untraced", None, time.monotonic(), {}):
            pass
    job = recording.spans["job"]
    assert job.parent is not None
    assert trace.format_span_id(job.parent.span_id) == _STORED[36:52]
    assert (job.end_time or 0) - (job.start_time or 0) >= 5 * 10**9
    assert dict(job.attributes or {}) == {"chat.reply.attempt": 2}
    assert recording.spans["untraced"].parent is None


_HEX = st.text("0123456789abcdefABCDEF", max_size=40)


@given(st.one_of(st.text(), st.builds("{}-{}-{}-{}".format, _HEX, _HEX, _HEX, _HEX)))
def test_any_stored_text_is_a_traceparent_or_nothing(stored: str) -> None:
    found = traceparent(trace.get_current_span(parse(stored)).get_span_context())
    assert found is None or re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", found)


def test_a_traceparent_is_stored_as_it_was_read() -> None:
    assert traceparent(trace.get_current_span(parse(_STORED)).get_span_context()) == _STORED
    assert traceparent(trace.get_current_span(parse(None)).get_span_context()) is None
