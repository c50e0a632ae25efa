"""At a million messages, no statement of a user's request reads more rows than it returns.

The service's own code runs. Each statement that it sends is run again under EXPLAIN ANALYZE with the same
values, once with a plan for these values and once with a generic plan.
"""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from app.config import PostgresAddress, RedisAddress
from app.database import Database
from app.errors import ChatroomLimitReached
from app.kit.clock import utc_now
from app.kit.download import PAGE
from app.kit.paging import DEFAULT_PAGE, CursorSigner
from app.kit.user_limiter import PerUserLimiter
from app.models import Plan
from app.redis_client.breaker import Breaker
from app.redis_client.chatroom_cache import ChatroomCache
from app.redis_client.connection import RedisConnection
from app.redis_client.daily_count import DailyCountMirror
from app.redis_client.reply_events import ReplyEvents
from app.repositories.search import RECENT_SCAN_LIMIT
from app.schemas.chatroom import ChatroomIn
from app.schemas.export import ExportFormat
from app.schemas.search import SearchPage
from app.services.account.export import ExportService
from app.services.chat.chatroom import ChatroomService
from app.services.chat.room_export import RoomExportService
from app.services.chat.room_limit import RoomLimit
from app.services.chat.search import SearchService
from app.services.generation.offered_models import OfferedModels
from app.services.generation.reply_canceller import ReplyCanceller
from app.services.usage.quota import DailyQuota
from app.unit_of_work import UnitOfWork
from benchmarks.histories import COMMON, COMMON_TOO, MIDDLING, RARE, UNSPACED, Size, make_histories
from tests.conftest import Servers
from tests.support.no_publisher import NoPublisher
from tests.support.plan_terms import plans_with
from tests.support.plans import Scan, Sent, recorded, scans
from tests.support.stack import Stack
from tests.support.user import User

pytestmark = pytest.mark.server_version

_SIZE = Size()
_PAGE = DEFAULT_PAGE + 1  # one more shows that there is a next page
_MOST_ROOMS = 500
_RARE_HITS = _SIZE.long_room // 1_000
_MEDIUM_HITS = _SIZE.long_room // 500


@dataclass(frozen=True, slots=True)
class _Histories:
    stack: Stack
    user: User
    room: uuid.UUID

    @property
    def owner(self) -> uuid.UUID:
        return uuid.UUID(self.user.id)


@dataclass(frozen=True, slots=True)
class _Product:
    """The services of the product on this database."""

    uow: UnitOfWork
    chatrooms: ChatroomService
    search: SearchService
    exports: ExportService
    room_exports: RoomExportService


@pytest.fixture(scope="module")
def histories(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Histories]:
    product = Stack(
        database_url=servers.database_url,
        redis_url=servers.redis_url,
        folder=tmp_path_factory.mktemp("long-histories"),
    )
    with product.running() as stack:
        user = stack.user()
        room = make_histories(stack.database.url, user.id, _SIZE)
        assert int(str(stack.database.value("SELECT count(*) FROM messages"))) >= 999_998
        yield _Histories(stack, user, room)


@asynccontextmanager
async def _product(stack: Stack, sent: list[Sent]) -> AsyncIterator[_Product]:
    database, statements = recorded(Database.from_url(PostgresAddress.parse(stack.database.url)))
    redis = RedisConnection(RedisAddress.parse(stack.redis_url), Breaker())
    cache = ChatroomCache(redis, ttl_seconds=300)
    uow = UnitOfWork(
        database, cache, DailyCountMirror(redis), ReplyEvents(redis), NoPublisher(), limit_seconds=60
    )
    cursors, models = CursorSigner(b"key"), OfferedModels(("gemini-3.8-flash",))
    canceller = ReplyCanceller(uow, DailyQuota(plans_with(basic_messages=5), utc_now))
    try:
        yield _Product(
            uow,
            ChatroomService(
                uow,
                cache,
                canceller,
                cursors,
                PerUserLimiter(),
                utc_now,
                models,
                RoomLimit({Plan.BASIC: _MOST_ROOMS, Plan.PRO: _MOST_ROOMS}, utc_now),
            ),
            SearchService(uow, cursors),
            ExportService(uow, utc_now),
            RoomExportService(uow, utc_now, models),
        )
    finally:
        await redis.aclose()
        await database.aclose()
    sent += statements


def _sent(histories: _Histories, ask: Callable[[_Product], Awaitable[object]]) -> list[Sent]:
    """Return the statements that a use case sends; of those that differ in values only, the last."""
    sent: list[Sent] = []

    async def run() -> None:
        async with _product(histories.stack, sent) as product:
            await ask(product)

    asyncio.run(run())
    return list({one.statement: one for one in sent}.values())


def _reads(histories: _Histories, ask: Callable[[_Product], Awaitable[object]]) -> list[Scan]:
    """Return the scans of a use case in both kinds of plans; none may be sequential."""
    found = [
        scan
        for one in _sent(histories, ask)
        for plan in ("force_custom_plan", "force_generic_plan")
        for scan in scans(histories.stack.database.url, one, plan=plan)
    ]
    assert found
    assert "Seq Scan" not in {scan.kind for scan in found}, found
    return found


def _most(found: list[Scan], *, index: str | None = None) -> float:
    """Return the largest number of rows that one scan read, of all or on this index."""
    return max((scan.rows for scan in found if index in (None, scan.of)), default=0)


async def _pages_of_rooms(product: _Product, histories: _Histories, pages: int) -> None:
    cursor = None
    for _ in range(pages):
        page = await product.chatrooms.page(
            histories.owner, archived=False, cursor=cursor, limit=DEFAULT_PAGE
        )
        cursor = json.loads(page)["next_cursor"]
        assert cursor is not None


async def _pages_of_history(product: _Product, histories: _Histories, pages: int) -> None:
    cursor = None
    for _ in range(pages):
        page = await product.chatrooms.history(
            histories.owner, histories.room, cursor=cursor, limit=DEFAULT_PAGE
        )
        cursor = json.loads(page)["next_cursor"]
        assert cursor is not None


async def _pages_of_search(product: _Product, histories: _Histories, q: str, pages: int = 1) -> SearchPage:
    page = await product.search.search(histories.owner, q, cursor=None, limit=DEFAULT_PAGE)
    for _ in range(pages - 1):
        assert page.next_cursor is not None
        page = await product.search.search(histories.owner, q, cursor=page.next_cursor, limit=DEFAULT_PAGE)
    return page


@pytest.mark.parametrize("pages", [1, 100])
def test_a_page_of_ten_thousand_rooms_reads_a_page(histories: _Histories, pages: int) -> None:
    """Red without ix_chatrooms_list."""
    assert _most(_reads(histories, lambda product: _pages_of_rooms(product, histories, pages))) <= _PAGE


def test_creating_a_room_counts_no_more_than_the_limit(histories: _Histories) -> None:
    """Red when all ten thousand rooms are counted."""

    async def open_another(product: _Product) -> None:
        with pytest.raises(ChatroomLimitReached):
            await product.chatrooms.create(histories.owner, ChatroomIn())

    found = _reads(histories, open_another)
    assert _most(found) == _most(found, index="ix_chatrooms_of_user") == _MOST_ROOMS


@pytest.mark.parametrize("pages", [1, 100])
def test_a_page_of_a_hundred_thousand_messages_reads_a_page(histories: _Histories, pages: int) -> None:
    """Red without the unique index of positions."""
    assert _most(_reads(histories, lambda product: _pages_of_history(product, histories, pages))) <= _PAGE


def test_reading_a_long_room_reads_a_page(histories: _Histories) -> None:
    """Red without the unique index of positions."""
    found = _reads(histories, lambda product: product.chatrooms.get(histories.owner, histories.room))
    assert _most(found) <= _PAGE


@pytest.mark.parametrize("pages", [1, 50])
def test_common_words_are_found_among_the_newest(histories: _Histories, pages: int) -> None:
    """Red without ix_messages_newest, and when matches are ordered by id only: all are read and sorted."""
    q = f"{COMMON} {COMMON_TOO}"
    found = _reads(histories, lambda product: _pages_of_search(product, histories, q, pages))
    assert _most(found) <= _PAGE
    assert "ix_messages_words" not in {scan.of for scan in found}


@pytest.mark.parametrize("q", [RARE, f"{COMMON} {RARE}", UNSPACED])
def test_a_rare_word_reads_the_newest_and_its_matches(histories: _Histories, q: str) -> None:
    """Red without ix_messages_words, and without the owner's tag or the pairs of letters in the index."""
    found = _reads(histories, lambda product: _pages_of_search(product, histories, q))
    assert _most(found) <= RECENT_SCAN_LIMIT
    assert _most([scan for scan in found if scan.of != "ix_messages_newest"]) <= _RARE_HITS
    assert _most(found, index="ix_messages_words") > 0


@pytest.mark.parametrize("pages", [1, 3])
def test_a_medium_word_reads_the_newest_and_its_matches(histories: _Histories, pages: int) -> None:
    found = _reads(histories, lambda product: _pages_of_search(product, histories, MIDDLING, pages))
    assert _most(found) <= RECENT_SCAN_LIMIT
    assert _most([scan for scan in found if scan.of != "ix_messages_newest"]) <= _MEDIUM_HITS


def test_an_export_reads_page_by_page(histories: _Histories) -> None:
    """Red without the unique index of positions, and without the index of rooms."""

    async def export(product: _Product) -> None:
        pieces = (await product.exports.begin(histories.owner)).pieces
        for _ in range(500):
            await anext(pieces)
        await pieces.aclose()
        async with product.uow.autocommit() as tx:
            await tx.exports.messages(histories.owner, chatroom_id=histories.room, after=50_000, limit=100)

    assert _most(_reads(histories, export)) <= PAGE


def test_an_erasure_reads_what_it_erases(histories: _Histories) -> None:
    """Red when messages are selected without an order: each batch reads all of the room."""

    async def read_batches(product: _Product) -> None:
        async with product.uow.autocommit() as tx:
            rooms = [histories.room, *await tx.account_deletions.room_ids(histories.owner, limit=100)]
            assert len(await tx.room_deletions.messages(rooms, limit=1_000)) == 1_000

    assert _most(_reads(histories, read_batches)) <= 1_000


@pytest.mark.parametrize("document", ExportFormat)
def test_the_export_of_a_long_room_reads_page_by_page(histories: _Histories, document: ExportFormat) -> None:
    """Red without the unique index of positions."""

    async def export(product: _Product) -> None:
        pieces = (await product.room_exports.begin(histories.owner, histories.room, document)).pieces
        for _ in range(500):
            await anext(pieces)
        await pieces.aclose()

    assert _most(_reads(histories, export)) <= PAGE
