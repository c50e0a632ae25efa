"""The client of Gemini, through Google's SDK."""

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
from app.gemini_client.completion_reader import CompletionReader
from app.gemini_client.event_stream import prepare
from app.gemini_client.sdk_errors import as_model_error

_CONNECT_SECONDS = 5
_FIRST_CHUNK_SECONDS = 60.0
_NEXT_CHUNK_SECONDS = 30.0
_AFTER_END_SECONDS = 1.0  # chunks after a finish reason only add counts

log = structlog.get_logger(__name__)

_Chunks = AsyncIterator[types.GenerateContentResponse]


class GoogleGemini:
    """The SDK's async client over our own httpx2 client, bound to the loop on which it is made.

    Otherwise the SDK uses any HTTP library that is installed, with other timeouts and hidden retries. It does
    not close a stream that is dropped: see `_stop`.
    """

    def __init__(self, settings: Settings) -> None:
        self._http = httpx2.AsyncClient(
            follow_redirects=False,  # a redirect would receive the key
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=256, keepalive_expiry=60),
            timeout=httpx2.Timeout(connect=_CONNECT_SECONDS, read=_FIRST_CHUNK_SECONDS, write=10, pool=5),
            event_hooks={"response": [prepare]},
        )
        self._total_seconds = settings.gemini_timeout_seconds
        self._client = genai.Client(
            # The SDK rejects an empty key; Google responds to this one with "API key not valid".
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
                log.exception("model_response_unexpected")
                reason = f"unreadable answer: {type(error).__name__}"
                failure = ModelError(ModelFailure.INTERRUPTED, reason, retryable=True)
            raise failure from error

    async def _attempt(self, prompt: Prompt) -> AsyncGenerator[TextDelta | TokenUsage | Completion, None]:
        # The deadlines bound each wait here, not the time that the caller takes between two chunks.
        loop = asyncio.get_running_loop()
        end = loop.time() + self._total_seconds
        first_chunk_by = min(loop.time() + _FIRST_CHUNK_SECONDS, end)
        async with asyncio.timeout_at(first_chunk_by):
            chunks = await self._client.aio.models.generate_content_stream(
                model=prompt.model, contents=_contents(prompt), config=_config(prompt)
            )
        reader = CompletionReader(prompt.max_output_tokens)
        by = first_chunk_by
        try:
            # Comments of a gateway do not extend the deadlines.
            while (chunk := await _next(chunks, by, reader)) is not None:
                was_complete = reader.is_complete
                for item in reader.read(chunk):
                    yield item
                if reader.is_over:
                    break
                if was_complete:
                    continue
                if reader.is_complete:
                    by = min(loop.time() + _AFTER_END_SECONDS, end)
                elif reader.has_text and _has_content(chunk):
                    by = min(loop.time() + _NEXT_CHUNK_SECONDS, end)
        finally:
            await _stop(chunks)
        yield reader.result()

    async def aclose(self) -> None:
        """Close the SDK's client and ours."""
        await self._client.aio.aclose()
        await self._http.aclose()


async def _next(chunks: _Chunks, by: float, reader: CompletionReader) -> types.GenerateContentResponse | None:
    """Return the next chunk; None at the end, or if the stream breaks or stalls after a complete answer."""
    if reader.is_complete and asyncio.get_running_loop().time() > by:
        return None  # while there is data to read, the timer below never fires
    try:
        async with asyncio.timeout_at(by):
            return await anext(chunks, None)
    except Exception as error:
        if not reader.is_complete:
            raise
        log.info("model_stream_broken_after_end", error=type(error).__name__)
        return None


def _has_content(chunk: types.GenerateContentResponse) -> bool:
    """Return whether a chunk has content; gateways send empty objects to keep a connection open."""
    return bool(chunk.candidates or chunk.usage_metadata)


async def _stop(chunks: _Chunks) -> None:
    """End the HTTP request of a stream that may have unread data.

    The SDK's `aclose()` leaves the request open (and billed) until garbage collection; cancelling a
    task that awaits the next chunk closes it at once.
    """

    async def read_next() -> None:
        await anext(chunks, None)

    task = asyncio.create_task(read_next())
    await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await task


# Plain dicts save half a millisecond over the SDK's own objects.
def _contents(prompt: Prompt) -> list[types.ContentDict]:
    return [{"role": turn.role.value, "parts": [{"text": turn.text}]} for turn in prompt.turns]


def _config(prompt: Prompt) -> types.GenerateContentConfigDict:
    return {
        "system_instruction": prompt.system_instruction,
        "max_output_tokens": prompt.max_output_tokens,
        "automatic_function_calling": {"disable": True},
        # Otherwise the SDK sends further billed requests by itself.
        "automatic_continuation": False,
    }
