"""API keys: for programs. Hashed, limited in time, rights and projects, shown once, and never more than their owner."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.access import session_repository, shown_once
from retort_api.access.authoriser import Caller
from retort_api.access.session_repository import KeyRecord
from retort_api.kit.database import Database
from retort_core.errors import NotFound, Unauthenticated
from retort_core.http.access import Key, KeyCreate, NewKey


class ApiKeys:
    def __init__(self, database: Database, now: Callable[[], datetime], ours: str = "") -> None:
        """`ours`: what stands before the name of an account where it names a caller."""
        self._database, self._now, self._ours = database, now, ours

    async def make(
        self, connection: AsyncConnection, caller: Caller, wanted: KeyCreate, project: str
    ) -> NewKey:
        """`project`: its id; "" = all of the owner's."""
        secret, now = shown_once.made(shown_once.API_KEY), self._now()
        record = KeyRecord(
            id=uuid.uuid4().hex,
            account=caller.id,
            digest=shown_once.digest(secret),
            title=wanted.title,
            scopes=tuple(dict.fromkeys(wanted.scopes)),
            project=project,
            created_at=now,
            expires_at=now + timedelta(days=wanted.days),
        )
        await session_repository.add_key(connection, record)
        return NewKey(**dict(record.public), key=secret)

    async def page(self, caller: Caller, after: str, limit: int) -> list[Key]:
        async with self._database.read() as connection:
            found = await session_repository.keys_of(connection, caller.id, after, limit)
        return [record.public for record in found]

    async def end(self, connection: AsyncConnection, caller: Caller, identifier: str) -> None:
        if not await session_repository.end_key(connection, caller.id, identifier, self._now()):
            raise NotFound(f"You have no key {identifier[:40]!r}.")

    async def caller(self, secret: str) -> Caller:
        if not shown_once.plausible(shown_once.API_KEY, secret):
            raise Unauthenticated("The API key is not one of this service.")
        async with self._database.single() as connection:
            found = await session_repository.key(connection, shown_once.digest(secret))
        if found is None:
            raise Unauthenticated("The API key is not one of this service.")
        key, account = found
        if key.ended_at is not None or key.expires_at <= self._now() or account.disabled:
            raise Unauthenticated("The API key has expired or was revoked; make another.")
        return Caller(
            name=self._ours + account.name, kind="key", id=account.id, admin=account.admin,
            scopes=key.scopes, project=key.project, credential=key.id,
        )  # fmt: skip
