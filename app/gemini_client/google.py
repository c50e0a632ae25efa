"""Gemini through Google's SDK."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator

import httpx2
import structlog
from google import genai
from google.genai import types

from app.config import Settings
from app.database import forbid_in_transaction
from app.gemini_client.base import Completion, ModelError, ModelFailure, Prompt, TextDelta, TokenUsage
from app.gemini_client.completion_reader import Reading
from app.gemini_client.event_stream import prepare
from app.gemini_client.sdk_errors import as_model_error

_CONNECT_SECONDS = 5
_FIRST_PIECE_SECONDS = 60.0
_NEXT_PIECE_SECONDS = 30.0
_AFTER_END_SECONDS = 1.0  # what follows a finish reason may only add counts

log = structlog.get_logger(__name__)

_Chunks = AsyncIterator[types.GenerateContentResponse]


class GoogleGemini:
    """The SDK's async client over an httpx2 client of our own, bound to the loop it is made on.

    The SDK would otherwise take whatever HTTP library happens to be installed, with other timeouts and
    hidden retries. It also never closes a stream that is merely dropped: see `_stop`.
    """

    def __init__(self, settings: Settings) -> None:
        self._http = httpx2.AsyncClient(
            follow_redirects=False,  # the key would follow to wherever an answer points
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=256, keepalive_expiry=60),
            timeout=httpx2.Timeout(connect=_CONNECT_SECONDS, read=_FIRST_PIECE_SECONDS, write=10, pool=5),
            event_hooks={"response": [prepare]},
        )
        self._total_seconds = settings.gemini_timeout_seconds
        self._client = genai.Client(
            # The SDK refuses an empty key; Google answers this one with "API key not valid".
            api_key=settings.gemini_api_key.get_secret_value() or "unset",
            vertexai=False,
            http_options=types.HttpOptions(
                base_url=settings.gemini_base_url,
                api_version=settings.gemini_api_version,
                httpx_async_client=self._http,
            ),
        )

    async def stream(self, prompt: Prompt) -> AsyncGenerator[TextDelta | TokenUsage | Completion, None]:
        """See `ChatModel.stream`."""
        forbid_in_transaction()
        try:
            async with contextlib.aclosing(self._attempt(prompt)) as items:
                async for item in items:
                    yield item
        except ModelError:
            raise
        except Exception as error:
            failure = as_model_error(error)
            if failure is None:
                log.exception("model_answer_not_understood")
                reason = f"unreadable answer: {type(error).__name__}"
                failure = ModelError(ModelFailure.INTERRUPTED, reason, retryable=True)
            raise failure from error

    async def _attempt(self, prompt: Prompt) -> AsyncGenerator[TextDelta | TokenUsage | Completion, None]:
        # Deadlines bound each wait here, and never the time that the caller takes between two pieces.
        loop = asyncio.get_running_loop()
        end = loop.time() + self._total_seconds
        first_piece_by = min(loop.time() + _FIRST_PIECE_SECONDS, end)
        async with asyncio.timeout_at(first_piece_by):
            chunks = await self._client.aio.models.generate_content_stream(
                model=prompt.model, contents=_contents(prompt), config=_config(prompt)
            )
        reading = Reading(prompt.max_output_tokens)
        by = first_piece_by
        try:
            # The deadlines also hold while a gateway sends comments: those are no sign of the model's life.
            while (chunk := await _next(chunks, by, reading)) is not None:
                was_whole = reading.is_whole
                for item in reading.take(chunk):
                    yield item
                if reading.is_over:
                    break
                if was_whole:
                    continue
                if reading.is_whole:
                    by = min(loop.time() + _AFTER_END_SECONDS, end)
                elif reading.has_text and _holds_news(chunk):
                    by = min(loop.time() + _NEXT_PIECE_SECONDS, end)
        finally:
            await _stop(chunks)
        yield reading.result()

    async def aclose(self) -> None:
        """Close the SDK's client and ours."""
        await self._client.aio.aclose()
        await self._http.aclose()


async def _next(chunks: _Chunks, by: float, reading: Reading) -> types.GenerateContentResponse | None:
    """Return the next chunk; None at the end, and if the stream breaks or is silent after a whole answer."""
    if reading.is_whole and asyncio.get_running_loop().time() > by:
        return None  # more and more follows: the timer has no chance as long as there is something to read
    try:
        async with asyncio.timeout_at(by):
            return await anext(chunks, None)
    except Exception as error:
        if not reading.is_whole:
            raise
        log.info("model_stream_broken_after_end", error=type(error).__name__)
        return None


def _holds_news(chunk: types.GenerateContentResponse) -> bool:
    """Whether a chunk says anything; an empty object is a gateway's sign of life."""
    return bool(chunk.candidates or chunk.usage_metadata)


async def _stop(chunks: _Chunks) -> None:
    """End the HTTP request of a stream that may not be read to its end.

    The SDK's `aclose()` leaves the request open (and billed) until garbage collection; cancelling a
    task that awaits the next chunk closes it at once.
    """

    async def read_on() -> None:
        await anext(chunks, None)

    reader = asyncio.create_task(read_on())
    await asyncio.sleep(0)
    reader.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await reader


# As plain dicts the SDK takes them half a millisecond sooner than as its own objects.
def _contents(prompt: Prompt) -> list[types.ContentDict]:
    return [{"role": turn.role.value, "parts": [{"text": turn.text}]} for turn in prompt.turns]


def _config(prompt: Prompt) -> types.GenerateContentConfigDict:
    return {
        "system_instruction": prompt.system_instruction,
        "max_output_tokens": prompt.max_output_tokens,
        "automatic_function_calling": {"disable": True},
        # Otherwise the SDK starts further, billed requests by itself.
        "automatic_continuation": False,
    }
