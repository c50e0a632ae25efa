"""Collectors of traces: one that is unreachable or silent affects nobody, and none is needed."""

import json
import signal
import time

import pytest

from devtools.ports import free_port
from tests.support.collector import Collector
from tests.support.process import Process
from tests.support.stack import Stack
from tests.support.user import Json, ok
from tests.support.waiting import eventually

_QUICK = {"OTEL_BSP_SCHEDULE_DELAY": "100"}  # milliseconds
_ENDED = (0, -signal.SIGTERM)
"""uvicorn shuts down in order, then re-raises the signal that it received."""


def _problems(processes: list[Process]) -> list[Json]:
    lines = [line for process in processes for line in process.log.splitlines()]
    return [json.loads(line) for line in lines if '"event": "tracing_problem"' in line]


def _stop_seconds(process: Process) -> float:
    started = time.monotonic()
    assert process.stop() in _ENDED
    return time.monotonic() - started


@pytest.mark.parametrize("is_silent", [False, True], ids=["unreachable", "silent"])
def test_without_an_answer_of_the_collector_replies_and_shutdowns_are_as_ever(
    own_stack: Stack, *, is_silent: bool
) -> None:
    """Red when a span is sent by the request that ends it, or the shutdown waits for the exporter's timeouts.

    Those are ten seconds for an export and thirty for the shutdown, here compared with one without traces.
    """
    [plain, plain_worker] = [own_stack.processes[-1], own_stack.start_worker()]
    before = {"api": _stop_seconds(plain), "worker": _stop_seconds(plain_worker)}
    with Collector(answers=False) as silent:
        endpoint = silent.url if is_silent else f"http://127.0.0.1:{free_port()}"
        own_stack.settings |= {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, **_QUICK}
        # A queue of 8: it is full at once.
        own_stack.settings |= {"OTEL_BSP_MAX_QUEUE_SIZE": "8", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "4"}
        user = own_stack.user(own_stack.start_api())
        api, worker = own_stack.processes[-1], own_stack.start_worker()
        room = user.open_room()
        for number in range(4):
            assert user.say(room, f"Hello {number}")["reply"]["status"] == "completed"
        if is_silent:
            assert eventually(lambda: silent.bodies)
        else:
            eventually(lambda: _problems([api]), what="a warning")
        after = {"api": _stop_seconds(api), "worker": _stop_seconds(worker)}
    assert all(after[name] < before[name] + 4 for name in after), (before, after)
    problems = _problems([api, worker])
    # Each kind once a minute and process, with neither a traceback nor the address.
    assert len(problems) <= 8
    assert "Traceback" not in api.log + worker.log
    assert not any("127.0.0.1" in str(line) for line in problems)


def test_spans_that_wait_are_sent_when_a_process_ends(own_stack: Stack) -> None:
    """Red without the flush: an hour later they would be sent."""
    with Collector() as collector:
        own_stack.settings |= {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_BSP_SCHEDULE_DELAY": "3600000",
        }
        user = own_stack.user(own_stack.start_api())
        api, worker = own_stack.processes[-1], own_stack.start_worker()
        user.say(user.open_room(), "The last words")
        assert collector.bodies == []
        worker.stop()
        api.stop()
        names = {span.name for span in collector.spans}
    assert names >= {"POST /chatroom/{chatroom_id}/message", "process reply", "record reply"}


def test_without_the_setting_nothing_is_traced(own_stack: Stack) -> None:
    """Red with FastAPI's default settings: it would export by this variable, too."""
    with Collector() as collector:
        unused = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{collector.url}/v1/traces", **_QUICK}
        own_stack.settings |= {"FASTAPI_OTEL_AUTO_CONFIGURE": "true", **unused}
        user = own_stack.user(own_stack.start_api())
        worker = own_stack.start_worker()
        header = f"00-{'ab' * 16}-{'cd' * 8}-01"
        ok(user.post(user.open_room(), "Hello", traceparent=header, Prefer="wait=60"))
        assert own_stack.database.rows("SELECT traceparent FROM messages WHERE traceparent IS NOT NULL") == []
        worker.stop()
        own_stack.processes[-2].stop()
        assert collector.bodies == []
    assert "trace_id" not in own_stack.logs()


def test_the_file_of_settings_counts_like_the_environment(own_stack: Stack) -> None:
    """Also the variables that the SDK reads by itself; an empty one in the environment is not set."""
    with Collector() as collector:
        (own_stack.folder / ".env").write_text(
            f"OTEL_EXPORTER_OTLP_ENDPOINT={collector.url}/\n"
            "OTEL_EXPORTER_OTLP_HEADERS=x-collector-key=from-the-file\n"
            "OTEL_SERVICE_NAME=named-in-the-file\n"
            "OTEL_BSP_SCHEDULE_DELAY=100\n"
        )
        api = own_stack.start_api(OTEL_SERVICE_NAME="", OTEL_TRACES_SAMPLER="", OTEL_BSP_MAX_QUEUE_SIZE="")
        own_stack.user(api)
        spans = eventually(lambda: collector.spans, what="a span")
        assert {span.service for span in spans} == {"named-in-the-file"}
        assert (collector.paths, collector.keys) == ({"/v1/traces"}, {"from-the-file"})
    assert _problems(own_stack.processes) == []


def test_the_key_of_the_collector_is_in_no_log(own_stack: Stack) -> None:
    """Red when the SDK's warnings are logged as they are: it quotes a header that it cannot parse."""
    with Collector() as collector:
        headers = "authorization: Bearer key-that-no-log-may-hold"
        api = own_stack.start_api(
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_EXPORTER_OTLP_HEADERS=headers, **_QUICK
        )
        own_stack.user(api)
        assert eventually(lambda: collector.spans)
    assert any("Header format invalid" in line["reason"] for line in _problems(own_stack.processes))
    assert "key-that-no-log-may-hold" not in own_stack.logs()


def test_a_variable_that_the_sdk_refuses_stops_traces_and_nothing_else(own_stack: Stack) -> None:
    with Collector() as collector:
        queue = {"OTEL_BSP_MAX_QUEUE_SIZE": "0"}
        api = own_stack.start_api(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, **_QUICK, **queue)
        own_stack.user(api)
        assert own_stack.processes[-1].stop() in _ENDED
        assert collector.bodies == []
    assert '"event": "tracing_not_started"' in own_stack.logs()
