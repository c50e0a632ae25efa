"""Carries out the plan of one call, in the request's own task."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from sandbox.connection import ClientClosedError, Connection
from sandbox.gemini.calls import Call, Ended
from sandbox.gemini.chunks import GARBAGE, Encoder
from sandbox.gemini.deliveries import Delivery
from sandbox.gemini.holds import Holds
from sandbox.gemini.plan import Break, Finish, Plan
from sandbox.gemini.problems import GoogleError
from sandbox.gemini.requests import tokens_of


@dataclass(frozen=True, slots=True)
class Player:
    """One call: what is to happen, and the way to the client."""

    call: Call
    plan: Plan
    encoder: Encoder
    holds: Holds
    connection: Connection
    delivery: Delivery

    async def play(self) -> None:
        """Play the plan to its end or to the client's, and record which it was."""
        try:
            how = await self._end(await self._pieces())
        except ClientClosedError:
            how = Ended.CLIENT_CLOSED
        self.call.end(how)

    async def _pieces(self) -> int:
        """Deliver the pieces; returns the tokens of them all."""
        characters = 0
        last = len(self.plan.pieces) if self.plan.ends_with_text else None
        async for piece in self._paced():
            characters += len(piece)
            finish = self.plan.finish if self.call.pieces_sent + 1 == last else None
            await self.delivery.piece(piece, answered=tokens_of(characters), finish=finish)
            self.call.pieces_sent += 1
        return tokens_of(characters)

    async def _paced(self) -> AsyncIterator[str]:
        """Give out each piece when its time has come, and return when the end's time has."""
        pace, pieces = self.plan.pace, self.plan.pieces
        for number, piece in enumerate(pieces):
            await self._wait(pace.piece if number else pace.first)
            yield piece
        if not self.plan.ends_with_text:
            await self._wait(pace.piece if pieces else pace.first)

    async def _wait(self, seconds: float) -> None:
        await self.connection.pause(seconds)
        while hold := self.holds.catching(self.call.last_user_text, self.call.pieces_sent):
            self.call.held = True
            await self.connection.pause_until(hold.released)
            self.call.held = False

    async def _end(self, answered: int) -> Ended:
        match self.plan.tail or self.plan.ending:
            case Finish() as finish:
                without_text = (
                    None if self.plan.ends_with_text else self.encoder.end(finish, answered=answered)
                )
                await self.delivery.end(without_text)
                return Ended.FINISHED
            case Break.PROMPT_BLOCKED:
                await self.delivery.end(self.encoder.prompt_blocked())
                return Ended.FINISHED
            case Break.TOTAL:
                await self.delivery.end(self.encoder.total(answered=answered))
                return Ended.FINISHED
            case Break.TEXT:
                await self.delivery.piece(" And more.", answered=answered, finish=None)
                await self.delivery.end(None)
            case GoogleError() as error:
                await self.delivery.fail(error)
            case Break.GARBAGE:
                await self.delivery.end(GARBAGE)
            case Break.TRUNCATE:
                await self.delivery.end(None)
            case Break.DROP:
                await self.delivery.drop()
            case Break.SILENCE:
                await self.connection.pause(None)
        return Ended.FAILED
