"""Export everything stored about a user as one JSON document, streamed page by page."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from app.errors import AuthenticationRequired, ChatroomNotFound
from app.kit.clock import Clock
from app.kit.download import PAGE, Download, Page, Pieces, json_array, json_opening
from app.models import AuditEntry, Checkout, Session, Subscription, plan_of
from app.repositories.export import OwnRow
from app.schemas.base import Response
from app.schemas.export import (
    ExportedAccount,
    ExportedCheckout,
    ExportedMessage,
    ExportedRoom,
    ExportedSession,
    ExportedSubscription,
    OperatorAction,
)
from app.schemas.user import UsageDay
from app.unit_of_work import UnitOfWork

_FIRST_ID = UUID(int=0)
_FIRST_DAY = dt.date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class ExportService:
    """Reads each page in a transaction of its own: memory stays flat, and no lock or connection is held."""

    uow: UnitOfWork
    clock: Clock

    async def begin(self, user_id: UUID) -> Download:
        """Begin the caller's export; later errors are raised while its pieces are read.

        Raises:
            AuthenticationRequired: the account was deleted concurrently.
        """
        now = self.clock()
        account = (await self._account(user_id)).model_dump_json()
        opening = f'{json_opening(now)},"account":{account}'
        name = f"account-{now.date().isoformat()}.json"
        return Download(name, "application/json", self._pieces(user_id, opening))

    async def _account(self, user_id: UUID) -> ExportedAccount:
        async with self.uow.autocommit() as tx:
            user = await tx.users.get(user_id)
            subscription = await tx.subscriptions.current(user_id)
            customer_id = await tx.stripe_customers.customer_id_of(user_id)
        if user is None:
            raise AuthenticationRequired
        return ExportedAccount.of_user(user, plan_of(user, subscription, self.clock()), customer_id)

    async def _pieces(self, user_id: UUID, opening: str) -> Pieces:
        yield opening
        for member in (
            self._rows(user_id, "sessions", Session, ExportedSession),
            self._usage(user_id),
            self._rows(user_id, "subscriptions", Subscription, ExportedSubscription),
            self._rows(user_id, "checkouts", Checkout, ExportedCheckout),
            self._rows(user_id, "operator_actions", AuditEntry, OperatorAction),
            self._chatrooms(user_id),
        ):
            async for piece in member:
                yield piece
        await self._account(user_id)  # if it was erased meanwhile, fail: the document is incomplete
        yield "}"

    def _rows(self, user_id: UUID, name: str, kind: type[OwnRow], shape: type[Response]) -> Pieces:
        async def read(after: UUID) -> Page[UUID, Response]:
            async with self.uow.autocommit() as tx:
                rows = await tx.exports.rows(kind, user_id, after=after, limit=PAGE)
            shown = [(row.id, shape.model_validate(row)) for row in rows]
            return Page(shown, is_last=len(rows) < PAGE)

        return json_array(name, read, _FIRST_ID)

    def _usage(self, user_id: UUID) -> Pieces:
        async def read(after: dt.date) -> Page[dt.date, UsageDay]:
            async with self.uow.autocommit() as tx:
                rows = await tx.exports.usage(user_id, after=after, limit=PAGE)
            return Page([(row.day, UsageDay.of(row)) for row in rows], is_last=len(rows) < PAGE)

        return json_array("usage", read, _FIRST_DAY)

    async def _chatrooms(self, user_id: UUID) -> Pieces:
        yield ',"chatrooms":['
        after, separator, is_last = _FIRST_ID, "", False
        while not is_last:
            async with self.uow.autocommit() as tx:
                page = await tx.exports.chatrooms(user_id, after=after, limit=PAGE)
            for room in page.rows:
                yield separator + ExportedRoom.model_validate(room).model_dump_json().removesuffix("}")
                async for piece in self._messages(user_id, room.id):
                    yield piece
                yield "}"
                after, separator = room.id, ","
            await self._require_rooms(user_id, [room.id for room in page.rows])
            is_last = page.is_last(PAGE)
        yield "]"

    async def _require_rooms(self, user_id: UUID, rooms: Sequence[UUID]) -> None:
        """Fail if a room was deleted meanwhile: its messages above may be incomplete."""
        async with self.uow.autocommit() as tx:
            if await tx.exports.count_rooms(user_id, rooms) < len(rooms):
                raise ChatroomNotFound

    def _messages(self, user_id: UUID, chatroom_id: UUID) -> Pieces:
        async def read(after: int) -> Page[int, ExportedMessage]:
            async with self.uow.autocommit() as tx:
                page = await tx.exports.messages(user_id, chatroom_id=chatroom_id, after=after, limit=PAGE)
            rows = [(row.position, ExportedMessage.of_row(row)) for row in page.rows]
            return Page(rows, is_last=page.is_last(PAGE))

        return json_array("messages", read, 0)
