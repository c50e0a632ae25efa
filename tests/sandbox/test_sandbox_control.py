"""What tests may lean on: calls are recorded, held and released, and a client that leaves is noticed."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from google.genai import client as genai_client

from tests.sandbox.running import (
    MODEL,
    PATIENCE,
    STREAM,
    Gemini,
    Sandbox,
    ended,
    open_stream,
    question,
    seconds,
    started,
    wait_until,
)


@pytest.fixture
def slow_start(tmp_path: Path) -> Iterator[httpx.Client]:
    """A sandbox of its own whose pace comes from the environment."""
    process, url = started(tmp_path / "log", SANDBOX_FIRST_PIECE_MS="300", SANDBOX_PIECE_MS="10")
    try:
        with httpx.Client(base_url=url, headers={"x-goog-api-key": "k"}, timeout=PATIENCE) as http:
            yield http
    finally:
        process.terminate()
        process.wait(PATIENCE)


def test_pace_comes_from_the_environment(slow_start: httpx.Client) -> None:
    answer = slow_start.post(STREAM, json=question("[sandbox:pieces=11]"))
    assert answer.text.count("data: ") == 11
    (call,) = slow_start.get("/sandbox/calls").json()
    assert seconds(call) >= 0.4


_TIMER_SECONDS = 0.005
"""An event loop may wake up a moment early, and the record is by another clock."""


def test_wait_and_pace_are_kept(sandbox: Sandbox) -> None:
    prompt = sandbox.prompt("[sandbox:wait=0.2] [sandbox:pace=20] [sandbox:pieces=11]")
    sandbox.generate(prompt, method="streamGenerateContent")
    assert seconds(sandbox.call(prompt)) >= 0.4 - _TIMER_SECONDS
    prompt = sandbox.prompt("[sandbox:wait=0.2] [sandbox:503*1]")
    assert sandbox.generate(prompt).status_code == 503
    assert seconds(sandbox.call(prompt)) >= 0.2 - _TIMER_SECONDS


def test_calls_are_recorded_as_received_and_can_be_forgotten(tmp_path: Path) -> None:
    process, url = started(tmp_path / "log", "--first-piece-ms", "0", "--piece-ms", "0")
    try:
        with httpx.Client(base_url=url, headers={"x-goog-api-key": "k"}, timeout=PATIENCE) as http:
            first = {**question("one"), "system_instruction": {"parts": [{"text": "Be short."}]}}
            second = {**question("two [sandbox:503*1]"), "generationConfig": {"temperature": 1}}
            http.post(f"/v1/models/{MODEL}:generateContent", json=first)
            assert http.post(STREAM, json=second).status_code == 503
            assert http.post(STREAM, json={"contents": []}).status_code == 400
            one, two = http.get("/sandbox/calls").json()
            assert (one["method"], one["model"], one["api_version"]) == ("generateContent", MODEL, "v1")
            assert (one["contents"], one["systemInstruction"]) == (
                first["contents"],
                first["system_instruction"],
            )
            assert (one["ended"], one["pieces_sent"], one["generationConfig"]) == ("finished", 40, None)
            assert (two["ended"], two["pieces_sent"], two["word"]) == ("failed", 0, "503")
            assert two["generationConfig"] == {"temperature": 1}
            assert http.get("/sandbox/calls", params={"contains": "two"}).json() == [two]
            assert http.delete("/sandbox/calls").status_code == 204
            assert http.get("/sandbox/calls").json() == []
            assert http.post(STREAM, json=second).status_code == 503
    finally:
        process.terminate()
        process.wait(PATIENCE)


def test_cancelled_call_of_the_sdk_is_noticed_between_two_pieces(gemini: Gemini, sandbox: Sandbox) -> None:
    """The next piece is a minute away: only a sandbox that listens while it sleeps can know in time."""
    prompt = sandbox.prompt("[sandbox:pace=60000]")

    async def use(client: genai_client.AsyncClient) -> None:
        chunks = await client.models.generate_content_stream(model=MODEL, contents=prompt)
        await anext(chunks)
        waiting = asyncio.ensure_future(anext(chunks))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait({waiting})
        call = await asyncio.to_thread(sandbox.wait_for, prompt, ended)
        assert (call["ended"], call["pieces_sent"]) == ("client_closed", 1)

    gemini.run(use)


@pytest.mark.parametrize("word", ["wait=60", "hang", "stall", "pace=60000", "long] [sandbox:pace=10"])
def test_client_that_leaves_ends_the_call(sandbox: Sandbox, word: str) -> None:
    prompt = sandbox.prompt(f"[sandbox:{word}]")

    async def leave() -> None:
        _, writer = await open_stream(sandbox.url, prompt)
        await asyncio.to_thread(sandbox.wait_for, prompt, lambda call: not ended(call))
        writer.close()
        await writer.wait_closed()

    asyncio.run(leave())
    assert sandbox.wait_for(prompt, ended)["ended"] == "client_closed"


def test_client_that_leaves_within_its_request_is_no_fault(tmp_path: Path) -> None:
    process, url = started(tmp_path / "log")

    async def leave() -> None:
        address = urlsplit(url)
        _, writer = await asyncio.open_connection(address.hostname, address.port)
        head = f"POST {STREAM} HTTP/1.1\r\nhost: sandbox\r\nx-goog-api-key: k\r\ncontent-length: 99\r\n\r\n{{"
        writer.write(head.encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    try:
        asyncio.run(leave())
        assert httpx.get(f"{url}/health").status_code == 200
    finally:
        process.terminate()
        process.wait(PATIENCE)
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_stalled_call_has_sent_three_pieces_and_goes_on_for_ever(sandbox: Sandbox) -> None:
    prompt = sandbox.prompt("[sandbox:stall]")

    async def listen() -> None:
        reader, writer = await open_stream(sandbox.url, prompt)
        for _ in range(3):
            await reader.readuntil(b"\r\n\r\n\r\n")
        assert sandbox.call(prompt)["pieces_sent"] == 3
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.2)
        writer.close()
        await writer.wait_closed()

    asyncio.run(listen())


def test_open_streams_do_not_keep_the_process_from_ending(tmp_path: Path) -> None:
    process, url = started(tmp_path / "log")

    async def hang() -> None:
        _, writer = await open_stream(url, "[sandbox:hang]")
        with httpx.Client(base_url=url) as http:
            await asyncio.to_thread(wait_until, lambda: bool(http.get("/sandbox/calls").json()))
        process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(process.wait, PATIENCE)
        writer.close()

    try:
        asyncio.run(hang())
    finally:
        process.kill()
        process.wait(PATIENCE)
