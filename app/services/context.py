"""What Gemini is told: the room's history as turns, newest first kept, within a budget of tokens."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.gemini_client import Prompt, Turn
from app.models import Chatroom, Message, MessageStatus, Role
from app.unit_of_work import Transaction

_ROWS_AT_ONCE = 60
_BYTES_PER_TOKEN_RANGE = (1.0, 8.0)


@dataclass(frozen=True, slots=True)
class ContextBuilder:
    """Builds prompts. Tokens are estimated from bytes, at the rate of Gemini's own counts in this room."""

    token_budget: int
    max_output_tokens: int

    async def build(self, tx: Transaction, room: Chatroom, reply: Message) -> Prompt:
        """The prompt for a reply: its message, and before it as many whole exchanges as the budget holds."""
        rows = await tx.messages.older_than(chatroom_id=room.id, position=reply.position, limit=_ROWS_AT_ONCE)
        question = next(row for row in rows if row.id == reply.reply_to)
        turns = [Turn(Role.USER, question.content)]
        left = self.token_budget - self._tokens(room, room.system_instruction or "", question.content)
        answers: dict[object, Message] = {}
        while rows:
            for row in rows:
                if row.role is Role.MODEL and _belongs_to_context(row):
                    answers[row.reply_to] = row
                elif row.role is Role.USER and (answer := answers.pop(row.id, None)) is not None:
                    left -= self._tokens(room, row.content, answer.content)
                    if left < 0:
                        return self._prompt(room, reply, turns)
                    turns += [Turn(Role.MODEL, answer.content), Turn(Role.USER, row.content)]
            rows = await tx.messages.older_than(
                chatroom_id=room.id, position=rows[-1].position, limit=_ROWS_AT_ONCE
            )
        return self._prompt(room, reply, turns)

    def _prompt(self, room: Chatroom, reply: Message, newest_first: Sequence[Turn]) -> Prompt:
        return Prompt(
            model=reply.model or room.model,
            turns=tuple(reversed(newest_first)),
            system_instruction=room.system_instruction,
            max_output_tokens=self.max_output_tokens,
        )

    def _tokens(self, room: Chatroom, *texts: str) -> float:
        return sum(len(text.encode()) for text in texts) / room.bytes_per_token


def learned_bytes_per_token(prompt: Prompt, input_tokens: int) -> float | None:
    """How many bytes of this room's text make a token, by Gemini's count of a prompt."""
    if input_tokens <= 0:
        return None
    texts = [prompt.system_instruction or "", *(turn.text for turn in prompt.turns)]
    low, high = _BYTES_PER_TOKEN_RANGE
    return min(max(sum(len(text.encode()) for text in texts) / input_tokens, low), high)


def _belongs_to_context(reply: Message) -> bool:
    """Completed, cut at the output limit, or cancelled after some text; not failed or blocked."""
    return reply.status is MessageStatus.COMPLETED or (
        reply.status is MessageStatus.CANCELLED and reply.content != ""
    )
