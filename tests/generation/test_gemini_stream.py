"""The stream is read as server-sent events, including what gateways in front of Gemini add."""

import gzip
import tracemalloc

import pytest

from app.gemini_client import FinishReason, ModelFailure
from app.gemini_client.event_stream import MAX_EVENT_BYTES, EventReader, UnreadableStreamError
from tests.support.asking_gemini import ask, chunk, event
from tests.support.streaming_server import End, StreamingServer

_A, _B = chunk("Hel"), chunk("lo ä\u2028😀.", "STOP")
_PLAIN = event(_A, _B)
_STREAMS: dict[str, bytes] = {
    "as Google sends it": _PLAIN,
    "LF": event(_A, _B, newline="\n"),
    "CR": event(_A, _B, newline="\r"),
    "comments": b": keep-alive\n\n:\n\n" + event(_A) + b": ping\r\n: ping\r\n\r\n:ping\r" + event(_B),
    "a comment between two lines of an event": b'data: {"candidates":\n: ping\ndata: []}\n\n' + _PLAIN,
    "comments that look like JSON": b': {"error": {"code": 500}}\n\n' + event(_A) + b":{\n\n" + event(_B),
    "other fields": b"event: message\nid: 7\nretry: 100\n" + event(_A) + b"id\nfoo: bar\n" + event(_B),
    "fields behind the data": event(_A)[:-2] + b"id: 1\r\n\r\n" + event(_B),
    "no space behind the colon": _PLAIN.replace(b"data: ", b"data:"),
    "data over several lines": _PLAIN.replace(b'{"candidates"', b'{\r\ndata: "candidates"'),
    "a byte order mark": b"\xef\xbb\xbf" + _PLAIN,
    "a byte order mark and a comment": b"\xef\xbb\xbf: hello\n\n" + _PLAIN,
    "empty events": b"\n\ndata:\n\ndata\n\n" + event(_A) + b"event: ping\ndata: {}\n\n" + event(_B),
    "events of a heartbeat": b'event: ping\ndata: {"type": "ping"}\n\n' + _PLAIN,
    "[DONE]": _PLAIN + b"data: [DONE]\n\n",
    "[DONE] and more": _PLAIN + b"data: [DONE]\n\n" + event(chunk("?")),
    "no empty line at the end": _PLAIN.rstrip(),
}


@pytest.mark.parametrize("name", _STREAMS)
@pytest.mark.parametrize("size", [1, 1_000_000], ids=["byte by byte", "at once"])
def test_a_stream_is_read_by_the_standard(name: str, size: int) -> None:
    """Red with the SDK's own reader, which parses every line without "data: " as JSON."""
    stream = _STREAMS[name]
    parts = [stream[begin : begin + size] for begin in range(0, len(stream), size)]
    with StreamingServer(*parts) as google:
        asked = ask(google.url)
    assert (asked.text, asked.error) == ("Hello ä\u2028😀.", None)
    assert asked.end.finish_reason is FinishReason.STOP


def test_a_compressed_stream_is_read() -> None:
    """Red when the reader receives compressed bytes."""
    headers = "Content-Type: text/event-stream\r\nContent-Encoding: gzip"
    with StreamingServer(gzip.compress(b": ping\n\n" + _PLAIN), headers=headers) as google:
        assert ask(google.url).text == "Hello ä\u2028😀."


def test_an_error_in_bare_json_is_read_even_with_comments_in_it() -> None:
    """As Google sends it in the middle of a stream, through a gateway that adds keep-alive comments."""
    error = b'{\n  "error": {\n: ping\n    "code": 503,\n    "status": "UNAVAILABLE"\n  }\n}\n'
    with StreamingServer(event(_A) + error) as google:
        failure = ask(google.url).failure
    assert (failure.failure, failure.reason) == (ModelFailure.UNAVAILABLE, "503 UNAVAILABLE")


@pytest.mark.parametrize("sign", [b": keep-alive\n\n", event({}), b"data:\n\n"])
def test_keep_alives_of_a_gateway_do_not_extend_the_deadline(sign: bytes) -> None:
    """Red when they count as chunks: the call lasts as long as the gateway's connection."""
    with StreamingServer(sign, end=End.REPEATED) as google:
        asked = ask(google.url, gemini_timeout_seconds=1)
    assert asked.failure.failure is ModelFailure.TIMEOUT
    assert asked.seconds < 5


def test_done_without_a_finish_reason_is_an_interrupted_answer() -> None:
    with StreamingServer(event(_A) + b"data: [DONE]\n\n", end=End.SILENT) as google:
        asked = ask(google.url)
    assert asked.failure.failure is ModelFailure.INTERRUPTED
    assert asked.failure.reason == "the stream ended without a finish reason"
    assert asked.seconds < 5


_LARGE = {
    "a line without end": [b"data: " + b"x" * 65_536, *[b"x" * 65_536] * 960],
    "data without an empty line": [b"data: " + b"x" * 65_536 + b"\n"] * 960,
    "JSON that never closes": [b"{" + b" " * 65_536 + b"\n"] * 960,
    "a comment without end": [b":" + b"x" * 65_536, *[b"x" * 65_536] * 960],
}


def _feed_all(reader: EventReader, parts: list[bytes]) -> None:
    for part in parts:
        reader.feed(part)


@pytest.mark.parametrize("name", _LARGE)
def test_an_event_has_a_bound(name: str) -> None:
    """Red without the limit: 60 MB in one event are held in memory several times."""
    reader = EventReader()
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableStreamError):
            _feed_all(reader, _LARGE[name])
        assert tracemalloc.get_traced_memory()[1] < 4 * MAX_EVENT_BYTES
    finally:
        tracemalloc.stop()


def test_an_answer_with_an_event_that_is_too_large_is_unreadable() -> None:
    with StreamingServer(*_LARGE["a line without end"]) as google:
        failure = ask(google.url).failure
    assert (failure.failure, failure.retryable) == (ModelFailure.INTERRUPTED, True)
    assert "unreadable answer: an event of more than" in failure.reason


def test_an_error_with_a_large_body_keeps_its_status() -> None:
    """Red when the whole page is read, or when a broken body replaces the status."""
    page = [b"x" * 65_536] * 200
    for end in (End.WHOLE, End.CLOSED, End.RESET):
        with StreamingServer(
            *page, status="502 Bad Gateway", headers="Content-Type: text/html", end=end
        ) as google:
            failure = ask(google.url).failure
        assert failure.failure is ModelFailure.UNAVAILABLE
        assert failure.reason.startswith("502")


def test_an_error_whose_body_never_ends_keeps_its_status() -> None:
    with StreamingServer(b'{"error": ', status="403 Forbidden", end=End.SILENT) as google:
        asked = ask(google.url)
    assert asked.failure.reason.startswith("403")
    assert asked.seconds < 10
