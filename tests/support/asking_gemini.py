"""Ask a server with the client that workers use, without a worker."""

import asyncio
import json
import time
from dataclasses import dataclass, field

from pydantic import SecretStr

from app.config import Settings
from app.gemini_client import Completion, ModelError, Prompt, TextDelta, TokenUsage, Turn
from app.gemini_client.google import GoogleGemini
from app.models import Role
from tests.support.user import Json


@dataclass
class Asked:
    """What came of one call."""

    text: str = ""
    counts: list[TokenUsage] = field(default_factory=list)
    answer: Completion | None = None
    error: ModelError | None = None
    seconds: float = 0

    @property
    def failure(self) -> ModelError:
        """The failure; there has to be one."""
        assert self.error is not None, self
        return self.error

    @property
    def end(self) -> Completion:
        """The answer's end; there has to be one."""
        assert self.answer is not None, self
        return self.answer


def ask(url: str, *, key: str = "sandbox", text: str = "Hello", **settings: float) -> Asked:
    """Ask once."""
    return asyncio.run(_ask(url, key, text, settings))


async def _ask(url: str, key: str, text: str, settings: dict[str, float]) -> Asked:
    gemini = GoogleGemini(
        Settings.model_validate(
            {
                "database_url": SecretStr("postgresql://db/app"),
                "redis_url": SecretStr("redis://redis"),
                "gemini_base_url": url,
                "gemini_api_key": SecretStr(key),
                **settings,
            }
        )
    )
    asked, began = Asked(), time.monotonic()
    try:
        async for item in gemini.stream(Prompt("gemini-3.8-flash", (Turn(Role.USER, text),))):
            if isinstance(item, TextDelta):
                asked.text += item.text
            elif isinstance(item, TokenUsage):
                asked.counts.append(item)
            else:
                asked.answer = item
    except ModelError as error:
        asked.error = error
    finally:
        asked.seconds = time.monotonic() - began
        await gemini.aclose()
    return asked


def chunk(text: str | None = None, finish: str | None = None, *, index: int | None = None) -> Json:
    """A chunk of a stream: a text, a finish reason, or both."""
    candidate: Json = {}
    if text is not None:
        candidate["content"] = {"parts": [{"text": text}], "role": "model"}
    if finish is not None:
        candidate["finishReason"] = finish
    if index is not None:
        candidate["index"] = index
    return {"candidates": [candidate]}


def counts(**said: int) -> Json:
    """Token counts by Google's names, without `TokenCount`."""
    return {"usageMetadata": {f"{name}TokenCount": count for name, count in said.items()}}


def event(*chunks: Json, newline: str = "\r\n") -> bytes:
    """Write an event for each chunk, as Google does."""
    return b"".join(
        f"data: {json.dumps(each, ensure_ascii=False)}{newline}{newline}".encode() for each in chunks
    )
