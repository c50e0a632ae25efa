"""The floor of streamed replies: `google-genai` alone in one loop, without anything around it.

A process of its own; the arguments are the upstream's address, the calls at once, and seconds (0: each call
once). Prints JSON. `run_sdk` starts it.
"""

import asyncio
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field

import httpx2
import uvloop
from google import genai
from google.genai import types

from benchmarks.upstream import MODEL


@dataclass(slots=True)
class SdkOutcome:
    """Whole streamed answers that the SDK has read."""

    done: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    first_ms: list[float] = field(default_factory=list)
    """From call to the first piece."""


def run_sdk(address: str, *, at_once: int, seconds: float) -> SdkOutcome:
    """Call the SDK from a process of its own."""
    command = [sys.executable, "-m", "benchmarks.sdk", address, str(at_once), str(seconds)]
    done = subprocess.run(  # noqa: S603  # this module
        command,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        start_new_session=True,  # Ctrl-C ends it through this process, without a traceback of its own
    )
    return SdkOutcome(**json.loads(done.stdout))


async def _call(client: genai.Client, outcome: SdkOutcome) -> None:
    began, has_first = time.perf_counter(), False
    pieces = await client.aio.models.generate_content_stream(
        model=MODEL,
        contents="Hello there, how are you?",
        config=types.GenerateContentConfig(
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True)
        ),
    )
    async for _ in pieces:
        if not has_first:
            has_first = True
            outcome.first_ms.append((time.perf_counter() - began) * 1000)
    outcome.done += 1


async def _call_all(address: str, at_once: int, seconds: float) -> SdkOutcome:
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=60)
    options = types.HttpOptions(
        base_url=address,
        api_version="v1beta",
        httpx_async_client=httpx2.AsyncClient(limits=limits, timeout=60),
    )
    client = genai.Client(api_key="bench", http_options=options)
    await _call(client, SdkOutcome())
    outcome, began, cpu_began = SdkOutcome(), time.perf_counter(), time.process_time()

    async def call_repeatedly() -> None:
        await _call(client, outcome)
        while time.perf_counter() < began + seconds:
            await _call(client, outcome)

    await asyncio.gather(*(call_repeatedly() for _ in range(at_once)))
    outcome.seconds = time.perf_counter() - began
    outcome.cpu_seconds = time.process_time() - cpu_began
    return outcome


if __name__ == "__main__":
    _address, _at_once, _seconds = sys.argv[1:]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        _outcome = runner.run(_call_all(_address, int(_at_once), float(_seconds)))
    json.dump(asdict(_outcome), sys.stdout)
