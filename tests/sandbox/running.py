"""Starting a sandbox, the control a test has over it, and the real SDK pointed at it."""

import asyncio
import itertools
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TypedDict, TypeVar
from urllib.parse import urlsplit

import httpx
import httpx2
from google import genai
from google.genai import client as genai_client
from google.genai import types
from pydantic import JsonValue

ROOT = Path(__file__).parents[2]
MODEL = "gemini-3.8-flash"
PATIENCE = 30.0
STREAM = f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse"
T = TypeVar("T")
Chunks = list[types.GenerateContentResponse]


class RecordedCall(TypedDict):
    """A call as `GET /sandbox/calls` lists it."""

    id: str
    method: str
    model: str
    api_version: str
    received_at: str
    contents: JsonValue
    systemInstruction: JsonValue
    generationConfig: JsonValue
    word: str | None
    pieces_sent: int
    held: bool
    ended: str | None
    ended_at: str | None


@dataclass
class Sandbox:
    """A running sandbox."""

    process: subprocess.Popen[bytes]
    url: str
    http: httpx.Client
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def prompt(self, text: str) -> str:
        """Make a text that no other test uses."""
        return f"{text} (prompt {next(self.numbers)} of {os.getpid()})"

    def calls(self, contains: str) -> list[RecordedCall]:
        listed: list[RecordedCall] = self.http.get("/sandbox/calls", params={"contains": contains}).json()
        return listed

    def call(self, contains: str) -> RecordedCall:
        """The one call with this text."""
        (only,) = self.calls(contains)
        return only

    def wait_for(self, contains: str, holds: Callable[[RecordedCall], bool]) -> RecordedCall:
        """Wait until the one call with this text is as a test wants it."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = self.calls(contains)
            if found and holds(found[-1]):
                return found[-1]
            time.sleep(0.01)
        raise AssertionError(f"not in {PATIENCE} s: {self.calls(contains)}")

    def hold(self, contains: str, after_pieces: int = 0) -> None:
        order = {"contains": contains, "after_pieces": after_pieces}
        assert self.http.post("/sandbox/hold", json=order).status_code == 204

    def release(self, contains: str) -> int:
        released: int = self.http.post("/sandbox/release", json={"contains": contains}).json()["released"]
        return released

    def generate(self, text: str, *, method: str = "generateContent", **fields: JsonValue) -> httpx.Response:
        """Ask one question without the SDK."""
        body: dict[str, JsonValue] = {"contents": [{"role": "user", "parts": [{"text": text}]}], **fields}
        path = f"/v1beta/models/{MODEL}:{method}"
        params = {"alt": "sse"} if method == "streamGenerateContent" else {}
        return self.http.post(path, params=params, json=body)


def started(log: Path, *options: str, **environment: str) -> tuple[subprocess.Popen[bytes], str]:
    """Start a sandbox on a free port and wait until it says which."""
    command = [sys.executable, "-m", "sandbox", "--port", "0", *options]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **environment}, stdout=output, stderr=output
        )
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        said = re.search(r"running on (http://\S+)", log.read_text())
        if said:
            return process, said[1]
        time.sleep(0.02)
    process.kill()
    process.wait()
    raise AssertionError(f"the sandbox did not start: {log.read_text()}")


@dataclass(frozen=True)
class Gemini:
    """The real SDK, configured as the product configures it."""

    url: str

    def run(
        self,
        use: Callable[[genai_client.AsyncClient], Awaitable[T]],
        *,
        key: str = "sandbox",
        version: str = "v1beta",
        read_timeout: float = PATIENCE,
    ) -> T:
        """Run `use` with a client on a loop of its own."""

        async def used() -> T:
            http = httpx2.AsyncClient(
                follow_redirects=True,
                limits=httpx2.Limits(
                    max_connections=None, max_keepalive_connections=256, keepalive_expiry=60
                ),
            )
            options = types.HttpOptions(
                base_url=self.url,
                api_version=version,
                httpx_async_client=http,
                timeout=int(read_timeout * 1000),  # the SDK overrides the timeouts of the client it is given
            )
            client = genai.Client(api_key=key, http_options=options)
            try:
                async with asyncio.timeout(PATIENCE * 2):
                    return await use(client.aio)
            finally:
                await client.aio.aclose()
                await http.aclose()
                client.close()

        return asyncio.run(used())

    def stream(
        self, contents: str | list[types.Content], config: types.GenerateContentConfig | None = None
    ) -> Chunks:
        """Stream an answer to its end."""

        async def use(client: genai_client.AsyncClient) -> Chunks:
            chunks = await client.models.generate_content_stream(
                model=MODEL, contents=contents, config=config
            )
            return [chunk async for chunk in chunks]

        return self.run(use)

    def whole(
        self, contents: str | list[types.Content], config: types.GenerateContentConfig | None = None
    ) -> types.GenerateContentResponse:
        """Get an answer in one piece."""

        async def use(client: genai_client.AsyncClient) -> types.GenerateContentResponse:
            return await client.models.generate_content(model=MODEL, contents=contents, config=config)

        return self.run(use)


def seconds(call: RecordedCall) -> float:
    """How long a call took."""
    assert call["ended_at"]
    return (
        datetime.fromisoformat(call["ended_at"]) - datetime.fromisoformat(call["received_at"])
    ).total_seconds()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def question(text: str) -> dict[str, list[dict[str, list[dict[str, str]]]]]:
    return {"contents": [{"parts": [{"text": text}]}]}


async def open_stream(url: str, text: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send a question over a bare connection."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    body = json.dumps(question(text)).encode()
    head = f"POST {STREAM} HTTP/1.1\r\nhost: sandbox\r\nx-goog-api-key: k\r\nconnection: close\r\n"
    writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
    await writer.drain()
    return reader, writer


def ended(call: RecordedCall) -> bool:
    return call["ended"] is not None


def held(call: RecordedCall) -> bool:
    return call["held"]


def text_of(chunks: Chunks) -> str:
    return "".join(chunk.text or "" for chunk in chunks)


def finish_of(chunks: Chunks) -> types.FinishReason | None:
    candidates = chunks[-1].candidates
    return candidates[0].finish_reason if candidates else None


def turn(role: str, text: str) -> types.Content:
    return types.Content(role=role, parts=[types.Part(text=text)])
