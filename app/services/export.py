"""Everything held about a person as one JSON document, streamed page by page."""

import datetime as dt
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from pydantic import BaseModel

from app.errors import AuthenticationRequired
from app.models import plan_of
from app.schemas.export import (
    ExportedAccount,
    ExportedCheckout,
    ExportedMessage,
    ExportedRoom,
    ExportedSession,
    ExportedSubscription,
)
from app.schemas.user import UsageDay
from app.services.clock import Clock
from app.unit_of_work import UnitOfWork

_PAGE = 100
_FIRST_ID = UUID(int=0)
_FIRST_DAY = dt.date(1970, 1, 1)

Row = TypeVar("Row")
Key = TypeVar("Key")
Pieces = AsyncGenerator[str, None]


@dataclass(frozen=True, slots=True)
class Export:
    """A document that is being read; an error in `pieces` has to cut it off, not end it."""

    file_name: str
    pieces: Pieces


@dataclass(frozen=True, slots=True)
class ExportService:
    """Reads in pages, each in a short read of its own: memory stays flat and nothing is held meanwhile."""

    uow: UnitOfWork
    clock: Clock

    async def begin(self, user_id: UUID) -> Export:
        """The caller's export. Errors after this one come out of its pieces.

        Raises:
            AuthenticationRequired: the account was deleted a moment ago.
        """
        now = self.clock()
        account = (await self._account(user_id)).model_dump_json()
        opening = f'{{"exported_at":"{now.strftime("%Y-%m-%dT%H:%M:%SZ")}","account":{account}'
        return Export(f"account-{now.date().isoformat()}.json", self._pieces(user_id, opening))

    async def _account(self, user_id: UUID) -> ExportedAccount:
        async with self.uow.single() as tx:
            user = await tx.users.get(user_id)
            subscription = await tx.subscriptions.current(user_id)
            customer_id = await tx.checkouts.customer_of(user_id)
        if user is None:
            raise AuthenticationRequired
        return ExportedAccount.of_user(user, plan_of(subscription, self.clock()), customer_id)

    async def _pieces(self, user_id: UUID, opening: str) -> Pieces:
        yield opening
        async for piece in self._sessions(user_id):
            yield piece
        async for piece in self._usage(user_id):
            yield piece
        async for piece in self._subscriptions(user_id):
            yield piece
        async for piece in self._checkouts(user_id):
            yield piece
        async for piece in self._chatrooms(user_id):
            yield piece
        await self._account(user_id)  # erased meanwhile, this would be half of it and look like the whole
        yield "}"

    async def _sessions(self, user_id: UUID) -> Pieces:
        async def read(after: UUID) -> Sequence[tuple[UUID, ExportedSession]]:
            async with self.uow.single() as tx:
                rows = await tx.exports.sessions(user_id, after=after, limit=_PAGE)
            return [(row.id, ExportedSession.model_validate(row)) for row in rows]

        async for piece in _array("sessions", read, _FIRST_ID):
            yield piece

    async def _usage(self, user_id: UUID) -> Pieces:
        async def read(after: dt.date) -> Sequence[tuple[dt.date, UsageDay]]:
            async with self.uow.single() as tx:
                rows = await tx.exports.usage(user_id, after=after, limit=_PAGE)
            return [(row.day, UsageDay.of(row)) for row in rows]

        async for piece in _array("usage", read, _FIRST_DAY):
            yield piece

    async def _subscriptions(self, user_id: UUID) -> Pieces:
        async def read(after: UUID) -> Sequence[tuple[UUID, ExportedSubscription]]:
            async with self.uow.single() as tx:
                rows = await tx.exports.subscriptions(user_id, after=after, limit=_PAGE)
            return [(row.id, ExportedSubscription.model_validate(row)) for row in rows]

        async for piece in _array("subscriptions", read, _FIRST_ID):
            yield piece

    async def _checkouts(self, user_id: UUID) -> Pieces:
        async def read(after: UUID) -> Sequence[tuple[UUID, ExportedCheckout]]:
            async with self.uow.single() as tx:
                rows = await tx.exports.checkouts(user_id, after=after, limit=_PAGE)
            return [(row.id, ExportedCheckout.model_validate(row)) for row in rows]

        async for piece in _array("checkouts", read, _FIRST_ID):
            yield piece

    async def _chatrooms(self, user_id: UUID) -> Pieces:
        yield ',"chatrooms":['
        after, separator = _FIRST_ID, ""
        while True:
            async with self.uow.single() as tx:
                rooms = await tx.exports.chatrooms(user_id, after=after, limit=_PAGE)
            for room in rooms:
                yield separator + ExportedRoom.model_validate(room).model_dump_json().removesuffix("}")
                async for piece in self._messages(user_id, room.id):
                    yield piece
                yield "}"
                after, separator = room.id, ","
            if len(rooms) < _PAGE:
                yield "]"
                return

    async def _messages(self, user_id: UUID, chatroom_id: UUID) -> Pieces:
        async def read(after: int) -> Sequence[tuple[int, ExportedMessage]]:
            async with self.uow.single() as tx:
                rows = await tx.exports.messages(user_id, chatroom_id=chatroom_id, after=after, limit=_PAGE)
            return [(row.position, ExportedMessage.of_row(row)) for row in rows]

        async for piece in _array("messages", read, 0):
            yield piece


async def _array(
    name: str, read: Callable[[Key], Awaitable[Sequence[tuple[Key, BaseModel]]]], after: Key
) -> Pieces:
    """A member of the document that is a list, a piece for every page; `read` gives the page behind a key."""
    yield f',"{name}":['
    separator = ""
    while True:
        page = await read(after)
        if page:
            yield separator + ",".join(item.model_dump_json() for _, item in page)
            after, separator = page[-1][0], ","
        if len(page) < _PAGE:
            yield "]"
            return
