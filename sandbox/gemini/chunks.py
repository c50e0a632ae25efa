"""Answers as bytes: the chunks of one call, and how a stream of them is framed."""

import json
from enum import Enum

from sandbox.gemini.plan import Finish

GARBAGE = b"<html><body>upstream connect error or disconnect/reset before headers</body></html>"


class Encoder:
    """Writes the chunks of one call; what they have in common is encoded once."""

    def __init__(self, *, model: str, response_id: str, prompt_tokens: int, thoughts: int) -> None:
        self._prompt = prompt_tokens
        self._before_answer = prompt_tokens + thoughts
        self._usage = b',"usageMetadata":{"promptTokenCount":%d' % prompt_tokens
        self._thoughts = b',"thoughtsTokenCount":%d' % thoughts if thoughts else b""
        details = f',"promptTokensDetails":[{{"modality":"TEXT","tokenCount":{prompt_tokens}}}]}}'
        names = f',"modelVersion":{json.dumps(model)},"responseId":{json.dumps(response_id)}}}'
        self._tail = (details + names).encode()

    def text(self, text: str, *, answered: int, finish: Finish | None = None) -> bytes:
        """Encode a piece; `answered` counts the tokens of the answer up to and with it."""
        content = b'{"parts":[{"text":%s}],"role":"model"}' % json.dumps(text, ensure_ascii=False).encode()
        return self._candidate(b'"content":' + content, answered, finish)

    def end(self, finish: Finish, *, answered: int) -> bytes:
        """Encode an end without text; where the output was blocked, also without content."""
        blocked = finish in {Finish.SAFETY, Finish.RECITATION}
        return self._candidate(b"" if blocked else b'"content":{"role":"model"}', answered, finish)

    def prompt_blocked(self) -> bytes:
        """Encode the answer to a prompt that was blocked: no candidates."""
        return b'{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"}' + self._usage_for(None) + self._tail

    def total(self, *, answered: int) -> bytes:
        """Encode a chunk that holds nothing but the total of all tokens."""
        return b'{"usageMetadata":{"totalTokenCount":%d}}' % (self._before_answer + answered)

    def _candidate(self, content: bytes, answered: int, finish: Finish | None) -> bytes:
        fields = [content, b'"finishReason":"%s"' % finish.encode() if finish else b"", b'"index":0']
        candidate = b'{"candidates":[{' + b",".join(filter(None, fields)) + b"}]"
        return candidate + self._usage_for(answered) + self._tail

    def _usage_for(self, answered: int | None) -> bytes:
        if answered is None:
            return self._usage + b',"totalTokenCount":%d' % self._prompt
        total = self._before_answer + answered
        counts = b',"candidatesTokenCount":%d' % answered if answered else b""
        return self._usage + counts + self._thoughts + b',"totalTokenCount":%d' % total


class Framing(Enum):
    """How chunks become a stream: its type; what precedes the first, the others; follows each, the last."""

    SSE = (b"text/event-stream", b"data: ", b"data: ", b"\r\n\r\n", b"")
    ARRAY = (b"application/json; charset=UTF-8", b"[", b",\r\n", b"\n", b"]")

    def __init__(self, content_type: bytes, first: bytes, between: bytes, after: bytes, last: bytes) -> None:
        self.content_type, self.first, self.between, self.after, self.last = (
            content_type,
            first,
            between,
            after,
            last,
        )
