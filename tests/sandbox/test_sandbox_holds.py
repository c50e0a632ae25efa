"""Holds: calls wait where a test wants them, hundreds at once, and stop waiting when the client leaves."""

import asyncio

from google.genai import client as genai_client

from tests.sandbox.running import MODEL, Gemini, Sandbox, ended, held, open_stream, wait_until


def test_held_call_sends_nothing_until_it_is_released(sandbox: Sandbox) -> None:
    prompt = sandbox.prompt("Hello")
    sandbox.hold(prompt)

    async def ask() -> None:
        reader, writer = await open_stream(sandbox.url, prompt)
        call = await asyncio.to_thread(sandbox.wait_for, prompt, held)
        assert (call["pieces_sent"], call["ended"]) == (0, None)
        assert not reader.at_eof()
        assert sandbox.release(prompt) == 1
        assert (await reader.read()).endswith(b"0\r\n\r\n")
        writer.close()

    asyncio.run(ask())
    call = sandbox.call(prompt)
    assert (call["held"], call["ended"]) == (False, "finished")
    assert sandbox.release(prompt) == 0


def test_hold_comes_before_a_failure_too(sandbox: Sandbox) -> None:
    prompt = sandbox.prompt("[sandbox:503]")
    sandbox.hold(prompt)

    async def ask() -> bytes:
        reader, writer = await open_stream(sandbox.url, prompt)
        await asyncio.to_thread(sandbox.wait_for, prompt, held)
        sandbox.release(prompt)
        answer = await reader.read()
        writer.close()
        return answer

    assert asyncio.run(ask()).startswith(b"HTTP/1.1 503 ")


def test_call_is_held_after_some_pieces(gemini: Gemini, sandbox: Sandbox) -> None:
    prompt = sandbox.prompt("Hello")
    sandbox.hold(prompt, after_pieces=5)

    async def use(client: genai_client.AsyncClient) -> int:
        chunks = await client.models.generate_content_stream(model=MODEL, contents=prompt)
        for _ in range(5):
            await anext(chunks)
        call = await asyncio.to_thread(sandbox.wait_for, prompt, held)
        assert call["pieces_sent"] == 5
        sandbox.release(prompt)
        return 5 + len([chunk async for chunk in chunks])

    assert gemini.run(use) == 40


def test_hold_ends_when_the_client_leaves(sandbox: Sandbox) -> None:
    prompt = sandbox.prompt("Hello")
    sandbox.hold(prompt)

    async def leave() -> None:
        _, writer = await open_stream(sandbox.url, prompt)
        await asyncio.to_thread(sandbox.wait_for, prompt, held)
        writer.close()
        await writer.wait_closed()

    asyncio.run(leave())
    call = sandbox.wait_for(prompt, ended)
    assert (call["ended"], call["pieces_sent"]) == ("client_closed", 0)
    sandbox.release(prompt)


def test_hundreds_of_streams_are_open_at_once(sandbox: Sandbox) -> None:
    """All of them are held, so all of them are open at the same moment, however slow the machine."""
    many = 300
    mark = sandbox.prompt("Hello")
    sandbox.hold(mark, after_pieces=2)

    def all_are_held() -> bool:
        return sum(call["held"] for call in sandbox.calls(mark)) == many

    async def ask() -> list[bytes]:
        streams = [await open_stream(sandbox.url, f"{mark} {number}") for number in range(many)]
        await asyncio.to_thread(wait_until, all_are_held)
        sandbox.release(mark)
        answers = await asyncio.gather(*(reader.read() for reader, _ in streams))
        for _, writer in streams:
            writer.close()
        return answers

    answers = asyncio.run(ask())
    assert all(b'"finishReason":"STOP"' in answer for answer in answers)
    assert {call["ended"] for call in sandbox.calls(mark)} == {"finished"}
