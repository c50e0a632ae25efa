"""Sessions: opening, authenticating access tokens, listing and ending."""

import time
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from app.errors import AccountSuspended, AuthenticationRequired, SessionNotFound
from app.kit.clock import Clock
from app.kit.paging import CursorSigner, time_and_id
from app.kit.user_agents import printable_user_agent
from app.kit.user_limiter import PerUserLimiter
from app.kit.utc_text import utc_text
from app.models import Plan, Session, User, plan_of
from app.models.base import new_id
from app.models.sign_in import SignInMethod
from app.schemas.auth import TokensOut
from app.schemas.session import LogoutScope, SessionOut, SessionPage
from app.security import AccessClaims
from app.services.identity.bans import require_not_banned
from app.services.identity.session_cache import OpenSession, SessionCache
from app.services.identity.tokens import TokenIssuer
from app.unit_of_work import Transaction, UnitOfWork

USE_RECORDED_EVERY = timedelta(minutes=10)
_MAX_DEVICE_CHARS = 200


@dataclass(frozen=True, slots=True)
class CurrentUser:
    """The user of a request, with a plan that is at most 5 seconds old."""

    id: UUID
    session_id: UUID
    plan: Plan


@dataclass(frozen=True, slots=True)
class Device:
    """The client and the network of a request."""

    user_agent: str | None
    ip_address: str | None
    networks: tuple[str, ...]
    """The networks that limits count, from narrow to wide."""

    @property
    def rate_limit_key(self) -> str:
        """Return the network that limits count as one caller."""
        return self.networks[0]


@dataclass(frozen=True, slots=True)
class Replacement:
    """The new tokens of the continued session, and the ids of all ended sessions."""

    tokens: TokensOut
    ended: list[UUID]


@dataclass(frozen=True, slots=True)
class SessionService:
    """Opens, authenticates, lists and ends sessions."""

    uow: UnitOfWork
    tokens: TokenIssuer
    open_sessions: SessionCache
    cursors: CursorSigner
    lookup_limiter: PerUserLimiter
    clock: Clock

    async def open(
        self,
        tx: Transaction,
        user: User,
        *,
        auth_method: SignInMethod,
        device: Device,
        device_name: str | None,
    ) -> TokensOut:
        """Add a session to this transaction and return its tokens; the user has proven the credentials.

        Raises:
            AccountSuspended: the account is banned.
        """
        require_not_banned(user)
        now = self.clock()
        subscription = await tx.subscriptions.current(user.id)
        session = Session(
            id=new_id(),
            user_id=user.id,
            auth_method=auth_method,
            user_agent=printable_user_agent(device.user_agent, max_chars=_MAX_DEVICE_CHARS),
            device_name=device_name,
            ip_address=device.ip_address,
            created_at=now,
            last_used_at=now,
        )
        self.tokens.set_number(session, 0, now=now)
        tx.sessions.add(session)
        return self.tokens.pair(session, user, plan_of(user, subscription, now), now=now)

    async def replace_all(self, tx: Transaction, user: CurrentUser, *, device: Device) -> Replacement:
        """End the user's other sessions, and give the calling one a new id and new tokens.

        Tokens name their session, so all earlier ones become invalid. The session keeps the time, method and
        device of its sign-in.

        Raises:
            AuthenticationRequired: the calling session has ended.
        """
        now = self.clock()
        locked = await tx.sessions.lock_open(user.session_id, now=now)
        if locked is None or locked.user.id != user.id:
            raise AuthenticationRequired
        ended = await tx.sessions.end(user.id, now=now, but=user.session_id)
        session = locked.session
        session.id = new_id()
        session.chain_hash = session.chain_count = None
        self.tokens.set_number(session, 0, now=now)
        session.last_used_at, session.last_used_ip = now, device.ip_address or session.last_used_ip
        plan = plan_of(locked.user, locked.subscription, now)
        tokens = self.tokens.pair(session, locked.user, plan, now=now)
        return Replacement(tokens, [user.session_id, *ended])

    def claims_of(self, access_token: str | None) -> AccessClaims | None:
        """Return the claims of a valid access token, whether or not its session is open; no I/O."""
        return self.tokens.claims_of(access_token)

    def known_plan(self, claims: AccessClaims) -> Plan | None:
        """Return the plan of an open session if it is cached; no I/O."""
        known = self.open_sessions.get(claims.session_id)
        return known.plan if known and known.user_id == claims.user_id else None

    def refresh_plan(self, user: CurrentUser) -> None:
        """Read the session again at its next request, because the user's plan may have changed."""
        self.open_sessions.discard([user.session_id])

    async def user_of(self, claims: AccessClaims | None, *, ip_address: str | None) -> CurrentUser:
        """Return the user of a valid token's claims if the session is open.

        `ip_address` is the address of the request.

        Raises:
            AuthenticationRequired: no claims, or the session has ended.
            AccountSuspended: the account is banned.
        """
        if claims is None:
            raise AuthenticationRequired
        known = self.open_sessions.get(claims.session_id) or await self._find_limited(claims, ip_address)
        if known is None or known.user_id != claims.user_id:
            raise AuthenticationRequired
        if known.is_banned:
            raise AccountSuspended
        return CurrentUser(id=known.user_id, session_id=claims.session_id, plan=known.plan)

    async def _find_limited(self, claims: AccessClaims, ip_address: str | None) -> OpenSession | None:
        """Query the row; of concurrent requests of a user only a few do, and the others find it cached."""
        async with self.lookup_limiter.acquire(claims.user_id):
            return self.open_sessions.get(claims.session_id) or await self._find(claims, ip_address)

    async def _find(self, claims: AccessClaims, ip_address: str | None) -> OpenSession | None:
        """Query the row; record the use if the address changed, or ten minutes after the last one."""
        read_at, now = time.monotonic(), self.clock()
        async with self.uow.autocommit() as tx:
            use = await tx.sessions.find_open(session_id=claims.session_id, user_id=claims.user_id, now=now)
        if use is None:
            return None
        found = OpenSession(claims.user_id, use.plan, use.is_banned)
        self.open_sessions.add(claims.session_id, found, read_at=read_at)
        stale = now - USE_RECORDED_EVERY
        used_from = ip_address or use.used_from
        if use.last_used_at < stale or use.used_from != used_from:
            async with self.uow.begin() as tx:
                await tx.sessions.record_use(
                    claims.session_id, now=now, ip_address=used_from, if_before=stale
                )
        return found

    async def listing(self, user: CurrentUser, *, cursor: str | None, limit: int) -> SessionPage:
        """Return a page of the user's open sessions by newest use, from `cursor` on."""
        scope = f"sessions:{user.id}"
        before = self.cursors.start(scope, cursor, time_and_id)
        async with self.uow.autocommit() as tx:
            rows = await tx.sessions.page(user.id, now=self.clock(), before=before, limit=limit + 1)
        page = self.cursors.page(
            scope, rows, limit=limit, position=lambda row: (utc_text(row.last_used_at), str(row.id))
        )
        return SessionPage(
            sessions=[SessionOut.of(row, current_id=user.session_id) for row in page.rows],
            next_cursor=page.next_cursor,
        )

    async def log_out(self, user: CurrentUser, scope: LogoutScope) -> None:
        """End this session, the user's others, or all; other processes apply it within 5 seconds."""
        only = user.session_id if scope is LogoutScope.THIS else None
        but = user.session_id if scope is LogoutScope.OTHERS else None
        async with self.uow.begin() as tx:
            ended = await tx.sessions.end(user.id, now=self.clock(), only=only, but=but)
        self.open_sessions.discard(ended)

    async def end(self, user: CurrentUser, session_id: UUID) -> None:
        """End one of the user's open sessions.

        Raises:
            SessionNotFound: no open session of this user.
        """
        async with self.uow.begin() as tx:
            ended = await tx.sessions.end(user.id, now=self.clock(), only=session_id)
        if not ended:
            raise SessionNotFound
        self.open_sessions.discard(ended)
