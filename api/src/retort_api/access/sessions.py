"""Sessions: log in, refresh, log out. A session is a row; tokens only point at it, so ending it ends them at once.

A refresh token is good once. Its successor carries the next generation; whoever comes with an earlier one has a copy
(or the successor was stolen), so the whole session ends. Tokens are signed, so nobody ends a session by guessing.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.access import lockouts, repository, session_repository
from retort_api.access.authoriser import Caller
from retort_api.access.passwords import Passwords
from retort_api.access.repository import AccountRecord
from retort_api.access.session_repository import SessionRecord
from retort_api.access.signing import KeyRing
from retort_api.kit.database import Database
from retort_core.errors import Unauthenticated
from retort_core.http.access import Tokens

ACCESS: Final = "retort"
REFRESH: Final = "retort-refresh"
ENDED: Final = "This session is over; log in again."


class Noted(Protocol):
    """Writes the audit line of what an account did about itself, in the same transaction."""

    async def __call__(
        self, connection: AsyncConnection, name: str, what: str, *, worked: bool = True
    ) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Lives:
    access_seconds: int
    session: timedelta


class Sessions:
    def __init__(
        self,
        database: Database,
        ring: KeyRing,
        passwords: Passwords,
        lives: Lives,
        now: Callable[[], datetime],
        ours: str = "",
    ) -> None:
        """`ours`: what stands before the name of an account where it names a caller."""
        self._database, self._ring, self._passwords = database, ring, passwords
        self._lives, self._now, self._ours = lives, now, ours

    async def login(self, name: str, password: SecretStr, address: str, agent: str, noted: Noted) -> Tokens:
        now = self._now()
        await self._database.transact(lambda connection: lockouts.attempt(connection, name, address, now))
        async with self._database.read() as connection:
            account = await repository.by_name(connection, name)
        fits = await self._passwords.fits(account.password if account is not None else None, password)
        if account is None or not fits or account.disabled:
            async with self._database.write() as connection:
                # A name that is none may be a password typed into the wrong field: it is not written down.
                await noted(connection, account.name if account is not None else "", "login", worked=False)
            raise Unauthenticated("Name or password is wrong.")
        async with self._database.write() as connection:
            await lockouts.succeeded(connection, name, address, now)
            tokens = await self.begin(connection, account, agent)
            await noted(connection, account.name, "login")
        return tokens

    async def begin(self, connection: AsyncConnection, account: AccountRecord, agent: str) -> Tokens:
        now = self._now()
        await session_repository.forget(connection, now)
        await lockouts.forget(connection, now)
        record = SessionRecord(
            id=uuid.uuid4().hex,
            account=account.id,
            generation=1,
            agent=agent[:200],
            created_at=now,
            expires_at=now + self._lives.session,
        )
        await session_repository.add(connection, record)
        return self._tokens(account, record, 1)

    async def refresh(self, token: SecretStr, noted: Noted) -> Tokens:
        claims = self._ring.verify(token.get_secret_value(), REFRESH)
        now = self._now()
        async with self._database.write() as connection:
            session, account = await self._of(connection, claims, now)
            generation = claims.get("gen")
            fresh = isinstance(generation, int) and await session_repository.advance(
                connection, session.id, generation
            )
            if not fresh:
                await session_repository.end(connection, session.id, "reuse", now)
            await noted(connection, account.name, "refresh", worked=fresh)
        if not fresh:
            raise Unauthenticated(
                "This refresh token was used before, so somebody else may have it: the session was ended. Log in again."
            )
        return self._tokens(account, session, session.generation + 1)

    async def caller(self, token: str) -> Caller:
        claims = self._ring.verify(token, ACCESS)
        async with self._database.single() as connection:
            session, account = await self._of(connection, claims, self._now())
        return Caller(
            name=self._ours + account.name,
            kind="account",
            id=account.id,
            admin=account.admin,
            credential=session.id,
        )

    async def end(self, caller: Caller, *, everywhere: bool, connection: AsyncConnection) -> None:
        if everywhere:
            await session_repository.end_all(connection, caller.id, "logout", self._now())
        else:
            await session_repository.end(connection, caller.credential, "logout", self._now())

    async def change_password(
        self, caller: Caller, old: SecretStr, new: SecretStr, address: str, noted: Noted
    ) -> None:
        """Every other session ends: whoever knew the old password is out."""
        now = self._now()
        async with self._database.read() as connection:
            account = await repository.by_id(connection, caller.id)
        assert account is not None
        name = account.name
        await self._database.transact(lambda connection: lockouts.attempt(connection, name, address, now))
        fits = await self._passwords.fits(account.password, old)
        hashed = await self._passwords.hashed(name, new) if fits else ""
        async with self._database.write() as connection:
            await noted(connection, name, "password", worked=fits)
            if fits:
                await lockouts.succeeded(connection, name, address, now)
                await repository.change(connection, account.id, password=hashed)
                await session_repository.end_all(
                    connection, account.id, "password", now, keep=caller.credential
                )
        if not fits:
            raise Unauthenticated("The old password is wrong.")

    async def _of(
        self, connection: AsyncConnection, claims: dict[str, Any], now: datetime
    ) -> tuple[SessionRecord, AccountRecord]:
        found = await session_repository.session(connection, str(claims["sid"]))
        if found is None:
            raise Unauthenticated(ENDED)
        session, account = found
        if session.ended_at is not None or session.expires_at <= now or account.disabled:
            raise Unauthenticated(ENDED)
        if claims["sub"] != account.id:
            raise Unauthenticated("The token is not one of this service; log in again.")
        return session, account

    def _tokens(self, account: AccountRecord, session: SessionRecord, generation: int) -> Tokens:
        left = (session.expires_at - self._now()).total_seconds()
        seconds = int(min(self._lives.access_seconds, left))
        facts = {"sub": account.id, "sid": session.id}
        return Tokens(
            access_token=self._ring.sign(ACCESS, seconds, jti=uuid.uuid4().hex, **facts),
            expires_in=seconds,
            refresh_token=self._ring.sign(REFRESH, left, jti=uuid.uuid4().hex, gen=generation, **facts),
            name=self._ours + account.name,
        )
