"""What Gemini is told: the room's summary, then its history as turns, within a budget of tokens."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.gemini_client import Prompt, Turn
from app.models import Role
from app.repositories.chatroom import PastExchange, RoomMemory
from app.repositories.claims import EXCHANGES_AT_ONCE, ClaimedReply, ReplyWork
from app.unit_of_work import UnitOfWork

_BYTES_PER_TOKEN_RANGE = (1.0, 8.0)
_MEMORY = "Earlier in this conversation, in short (the turns themselves are no longer shown):"


@dataclass(frozen=True, slots=True)
class ContextBuilder:
    """Builds prompts. Tokens are estimated from bytes, at the rate of Gemini's own counts in this room."""

    uow: UnitOfWork
    token_budget: int
    max_output_tokens: int

    async def build(self, claimed: ClaimedReply) -> Prompt | None:
        """The prompt for a reply: its message, and before it as many whole exchanges as the budget holds.

        What the room's summary covers is told by the summary and not again. The message always goes;
        then the summary has its place before the exchanges, of which the newest are kept.
        None: the room has just been deleted.
        """
        reply, room = claimed.reply, claimed.room
        page = claimed.newest
        if page is None:
            page = await self._read(room, reply, before=reply.position + 1)
        if not page:
            return None
        is_last = len(page) < EXCHANGES_AT_ONCE
        current, *page = page
        left = self.token_budget - tokens(room, room.system_instruction or "", current.question)
        memory = remembered(room.summary)
        if (cost := tokens(room, memory)) <= left:
            left -= cost
        else:
            memory = ""
        kept: list[PastExchange] = []
        while page:
            for exchange in page:
                left -= tokens(room, exchange.question, exchange.answer)
                if left < 0:
                    return self._prompt(room, reply, memory, kept, current)
                kept.append(exchange)
            if is_last:
                break
            page = await self._read(room, reply, before=page[-1].position)
            is_last = len(page) < EXCHANGES_AT_ONCE
        return self._prompt(room, reply, memory, kept, current)

    async def _read(self, room: RoomMemory, reply: ReplyWork, *, before: int) -> list[PastExchange]:
        after = min(room.summary_upto, reply.position - 1)  # whatever was summarised, the message goes
        async with self.uow.single() as tx:
            return await tx.chatrooms.newest_exchanges(
                room.id, after=after, before=before, limit=EXCHANGES_AT_ONCE, owed=reply.id
            )

    def _prompt(
        self,
        room: RoomMemory,
        reply: ReplyWork,
        memory: str,
        newest_first: Sequence[PastExchange],
        current: PastExchange,
    ) -> Prompt:
        return Prompt(
            model=reply.model or room.model,
            turns=(*as_turns(newest_first[::-1]), Turn(Role.USER, current.question)),
            system_instruction="\n\n".join(filter(None, (room.system_instruction, memory))) or None,
            max_output_tokens=self.max_output_tokens,
        )


def remembered(summary: str | None) -> str:
    """A room's summary as the model is told it; nothing without one."""
    return f"{_MEMORY}\n{summary}" if summary else ""


def as_turns(oldest_first: Sequence[PastExchange]) -> list[Turn]:
    """Exchanges as the model is told them."""
    return [
        turn
        for exchange in oldest_first
        for turn in (Turn(Role.USER, exchange.question), Turn(Role.MODEL, exchange.answer))
    ]


def tokens(room: RoomMemory, *texts: str) -> float:
    """How many tokens texts are, as far as can be told without asking."""
    return sum(len(text.encode()) for text in texts) / room.bytes_per_token


def learned_bytes_per_token(prompt: Prompt, input_tokens: int) -> float | None:
    """How many bytes of this room's text make a token, by Gemini's count of a prompt."""
    if input_tokens <= 0:
        return None
    texts = [prompt.system_instruction or "", *(turn.text for turn in prompt.turns)]
    low, high = _BYTES_PER_TOKEN_RANGE
    return min(max(sum(len(text.encode()) for text in texts) / input_tokens, low), high)
