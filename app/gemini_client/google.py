"""The client of Gemini's one method that this service calls, over HTTP: `streamGenerateContent`."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import aiohttp
import httpx2
import structlog

from app import tracing
from app.config import Settings
from app.config.proxies import proxy_of
from app.database import forbid_in_transaction
from app.gemini_client.api_errors import ErrorResponse
from app.gemini_client.base import Completion, ModelError, ModelFailure, Prompt, TextDelta, TokenUsage
from app.gemini_client.chunks import Chunk
from app.gemini_client.completion_reader import CompletionReader
from app.gemini_client.error_codes import error_code
from app.gemini_client.event_stream import EventReader
from app.gemini_client.transport_errors import as_model_error
from app.metrics.worker import gemini_failed

_CONNECT_SECONDS = 5.0
_KEEP_ALIVE_SECONDS = 60.0
_FIRST_CHUNK_SECONDS = 60.0
_NEXT_CHUNK_SECONDS = 30.0
_AFTER_END_SECONDS = 1.0  # chunks after a finish reason only add counts
_ERROR_SECONDS = 5.0
_MAX_ERROR_BYTES = 256 * 1024
_MAX_HEADER_BYTES = 64 * 1024
_MODEL_FOLDERS: Final = ("models/", "tunedModels/")

log = structlog.get_logger(__name__)


class GoogleGemini:
    """Calls Gemini over one pool of connections, bound to the running loop.

    Redirects are not followed, since they would receive the key. Requests are not repeated: the reply's row
    decides about retries.
    """

    def __init__(self, settings: Settings) -> None:
        base_url = settings.gemini_base_url.rstrip("/")
        self._url = f"{base_url}/{settings.gemini_api_version}"
        self._proxy = proxy_of(base_url)
        self._total_seconds = settings.gemini_timeout_seconds
        self._http = aiohttp.ClientSession(
            # Google responds to this one with "API key not valid", but to none with 403.
            headers={"x-goog-api-key": settings.gemini_api_key.get_secret_value() or "unset"},
            # The certificates that the other clients trust, which SSL_CERT_FILE and SSL_CERT_DIR may name.
            connector=aiohttp.TCPConnector(
                limit=0, keepalive_timeout=_KEEP_ALIVE_SECONDS, ssl=httpx2.create_ssl_context()
            ),
            timeout=aiohttp.ClientTimeout(
                total=None, connect=2 * _CONNECT_SECONDS, sock_connect=_CONNECT_SECONDS
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            max_field_size=_MAX_HEADER_BYTES,
        )

    async def stream(self, prompt: Prompt) -> AsyncGenerator[TextDelta | TokenUsage | Completion, None]:
        """See `ChatModel.stream`."""
        forbid_in_transaction()
        # The deadlines bound each wait here, not the time that the caller takes between two items.
        loop = asyncio.get_running_loop()
        end = loop.time() + self._total_seconds
        by = min(loop.time() + _FIRST_CHUNK_SECONDS, end)
        reader = CompletionReader(prompt.max_output_tokens)
        try:
            async with self._call(prompt, by) as response:
                events = EventReader()
                is_open = True
                while is_open and not reader.is_over:
                    data = await _read(response, by)
                    is_open = bool(data)
                    for event in events.feed(data) if data else events.finish():
                        was_complete, chunk = reader.is_complete, Chunk.parse(event)
                        for item in reader.read(chunk):
                            yield item
                        if reader.is_over:
                            break
                        # Comments of a gateway do not extend the deadlines, nor do its empty objects.
                        if reader.is_complete and not was_complete:
                            by = min(loop.time() + _AFTER_END_SECONDS, end)
                        elif not was_complete and reader.has_text and chunk.has_content:
                            by = min(loop.time() + _NEXT_CHUNK_SECONDS, end)
                    if events.has_ended or (reader.is_complete and loop.time() > by):
                        break  # while there is data to read, the timer of a wait never fires
        except Exception as error:
            if not reader.is_complete:
                raise _counted_failure(error) from error
            log.info("model_stream_broken_after_end", error=type(error).__name__)
        yield _result(reader)

    @contextlib.asynccontextmanager
    async def _call(self, prompt: Prompt, by: float) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send the request and yield its response, whose connection is closed at once unless it was read.

        Raises:
            ErrorResponse: the status is not 200.
            ModelError: the body is HTML.
        """
        folder = "" if prompt.model.startswith(_MODEL_FOLDERS) else "models/"
        url = f"{self._url}/{folder}{quote(prompt.model)}:streamGenerateContent?alt=sse"
        with tracing.call_span("generate_content", model=prompt.model) as span:
            async with asyncio.timeout_at(by):
                response = await self._http.post(
                    url,
                    data=_body(prompt),
                    headers={"Content-Type": "application/json"},
                    proxy=self._proxy,
                    allow_redirects=False,
                )
            span.set(status=response.status)
            try:
                if response.status != HTTPStatus.OK:
                    raise ErrorResponse(response.status, await _error_body(response))
                if response.content_type == "text/html":
                    # A page of a gateway or a captive portal.
                    raise ModelError(ModelFailure.UNAVAILABLE, "200 text/html", retryable=True)
                yield response
            finally:
                response.close()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.close()


async def _read(response: aiohttp.ClientResponse, by: float) -> bytes:
    """Return what has arrived, or arrives first; nothing at the end of the body."""
    async with asyncio.timeout_at(by):
        return await response.content.readany()


async def _error_body(response: aiohttp.ClientResponse) -> object:
    """Return the JSON of an error; None if it is something else, is too large or breaks off.

    Its status counts in any case.
    """
    content = b""
    with contextlib.suppress(aiohttp.ClientError, TimeoutError, ValueError, RecursionError):
        async with asyncio.timeout(_ERROR_SECONDS):
            while len(content) <= _MAX_ERROR_BYTES and (data := await response.content.readany()):
                content += data
        body: object = json.loads(content)
        return body
    return None


def _result(reader: CompletionReader) -> Completion:
    """Return the end of the answer, or count and raise the failure that it is."""
    try:
        return reader.result()
    except ModelError as failure:
        gemini_failed(error_code(failure))
        raise


def _counted_failure(error: Exception) -> ModelError:
    failure = _failure(error)
    gemini_failed(error_code(failure, error))
    return failure


def _failure(error: Exception) -> ModelError:
    failure = error if isinstance(error, ModelError) else as_model_error(error)
    if failure is None:
        log.error("model_response_unexpected", exc_info=error)
        failure = ModelError(
            ModelFailure.INTERRUPTED, f"unreadable answer: {type(error).__name__}", retryable=True
        )
    return failure


def _body(prompt: Prompt) -> bytes:
    body: dict[str, object] = {
        "contents": [{"role": turn.role.value, "parts": [{"text": turn.text}]} for turn in prompt.turns],
        "generationConfig": {"maxOutputTokens": prompt.max_output_tokens},
    }
    if prompt.system_instruction is not None:
        body["systemInstruction"] = {"role": "user", "parts": [{"text": prompt.system_instruction}]}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
