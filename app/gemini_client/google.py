"""Gemini through Google's SDK; the only file that imports it."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator

import httpx2
import structlog
from google import genai
from google.genai import types

from app.config import Settings
from app.database import forbid_in_transaction
from app.gemini_client.base import (
    MAX_TOKEN_COUNT,
    Answer,
    Failure,
    FinishReason,
    GeminiError,
    Prompt,
    TextPiece,
    TokenUsage,
)
from app.gemini_client.failures import as_gemini_error

_CONNECT_SECONDS = 5
_FIRST_PIECE_SECONDS = 60.0
_MOST_CHARS_PER_TOKEN = 32  # Gemini's tokens are about 4; a long one is a run of spaces or of one sign
_NEXT_PIECE_SECONDS = 30.0

_FINISH_REASONS = {
    "STOP": FinishReason.STOP,
    "MAX_TOKENS": FinishReason.MAX_TOKENS,
    "RECITATION": FinishReason.RECITATION,
    "SAFETY": FinishReason.SAFETY,
    "PROHIBITED_CONTENT": FinishReason.SAFETY,
    "BLOCKLIST": FinishReason.SAFETY,
    "SPII": FinishReason.SAFETY,
}

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

    async def stream(self, prompt: Prompt) -> AsyncGenerator[TextPiece | TokenUsage | Answer, None]:
        """See `GeminiClient.stream`."""
        forbid_in_transaction()
        try:
            async with contextlib.aclosing(self._attempt(prompt)) as items:
                async for item in items:
                    yield item
        except GeminiError:
            raise
        except Exception as error:
            failure = as_gemini_error(error)
            if failure is None:
                log.exception("model_answer_not_understood")
                reason = f"unreadable answer: {type(error).__name__}"
                failure = GeminiError(Failure.INTERRUPTED, reason, retryable=True)
            raise failure from error

    async def _attempt(self, prompt: Prompt) -> AsyncGenerator[TextPiece | TokenUsage | Answer, None]:
        # Deadlines bound each wait here, and never the time that the caller takes between two pieces.
        loop = asyncio.get_running_loop()
        end = loop.time() + self._total_seconds
        first_piece_by = min(loop.time() + _FIRST_PIECE_SECONDS, end)
        async with asyncio.timeout_at(first_piece_by):
            chunks = await self._client.aio.models.generate_content_stream(
                model=prompt.model, contents=_contents(prompt), config=_config(prompt)
            )
        finish, usage, has_text = None, TokenUsage(0, 0, 0), False
        chars_left = prompt.max_output_tokens * _MOST_CHARS_PER_TOKEN
        try:
            while True:
                by = min(loop.time() + _NEXT_PIECE_SECONDS, end) if has_text else first_piece_by
                async with asyncio.timeout_at(by):
                    chunk = await anext(chunks, None)
                if chunk is None:
                    break
                finish = _finish_reason(chunk) or finish
                if text := _text(chunk)[:chars_left]:
                    has_text, chars_left = True, chars_left - len(text)
                    yield TextPiece(text)
                if counts := _usage(chunk):
                    usage = counts
                    yield usage
                if chars_left == 0:
                    log.warning("model_answer_cut", max_output_tokens=prompt.max_output_tokens)
                    finish = FinishReason.MAX_TOKENS
                    break
        finally:
            await _stop(chunks)
        if finish is None:
            raise GeminiError(Failure.INTERRUPTED, "the stream ended without a finish reason", retryable=True)
        if not finish.is_blocked and not has_text:
            # Cut at the output limit before any text: the same prompt would think as long again.
            may_help = finish is FinishReason.STOP
            raise GeminiError(Failure.EMPTY, f"no text, finished with {finish}", retryable=may_help)
        yield Answer(finish, usage)

    async def aclose(self) -> None:
        """Close the SDK's client and ours."""
        await self._client.aio.aclose()
        await self._http.aclose()


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


def _text(chunk: types.GenerateContentResponse) -> str:
    candidate = chunk.candidates[0] if chunk.candidates else None
    parts = candidate.content.parts if candidate and candidate.content else None
    text = "".join(part.text for part in parts or () if part.text and not part.thought)
    return _without_unstorable(text)


def _without_unstorable(text: str) -> str:
    """The same, but for what no UTF-8 text column can hold: NUL and unpaired surrogates."""
    return text.replace("\x00", "\ufffd").encode(errors="replace").decode()


def _finish_reason(chunk: types.GenerateContentResponse) -> FinishReason | None:
    if chunk.prompt_feedback and chunk.prompt_feedback.block_reason:
        return FinishReason.PROMPT_BLOCKED
    reason = chunk.candidates[0].finish_reason if chunk.candidates else None
    return _FINISH_REASONS.get(reason.value, FinishReason.OTHER) if reason else None


def _usage(chunk: types.GenerateContentResponse) -> TokenUsage | None:
    """The counts so far; Gemini's are cumulative, so the last ones are the whole."""
    counts = chunk.usage_metadata
    if counts is None:
        return None
    return TokenUsage(
        input_tokens=_believable(counts.prompt_token_count),
        output_tokens=_believable(counts.candidates_token_count),
        thinking_tokens=_believable(counts.thoughts_token_count),
    )


def _believable(count: int | None) -> int:
    """The count, within bounds: whatever Gemini says can be stored."""
    return min(max(count or 0, 0), MAX_TOKEN_COUNT)
