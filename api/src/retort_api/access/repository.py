"""SQL of accounts, invitations and lock-outs. Every function works inside the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.access.tables import accounts, invitations, lockouts
from retort_api.kit.inserts import insert_new
from retort_core.http.access import Account, Role


@dataclass(frozen=True, kw_only=True)
class AccountRecord:
    id: str
    name: str
    password: str
    admin: bool
    disabled: bool
    created_at: datetime

    @property
    def public(self) -> Account:
        return Account(
            id=self.id,
            name=self.name,
            admin=self.admin,
            disabled=self.disabled,
            created_at=self.created_at,
        )


@dataclass(frozen=True, kw_only=True)
class InvitationRecord:
    """`first`: opens the very first account, and nothing once there is one."""

    id: str
    digest: str
    project: str
    role: Role
    admin: bool
    first: bool
    by: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class Lockout:
    failures: int
    last_at: datetime
    until: datetime


def _account(row: Row[Any] | None) -> AccountRecord | None:
    return AccountRecord(**row._mapping) if row is not None else None  # noqa: SLF001 - the public accessor of SQLAlchemy


async def add(connection: AsyncConnection, record: AccountRecord) -> None:
    await connection.execute(insert(accounts).values(**vars(record)))


async def by_name(connection: AsyncConnection, name: str) -> AccountRecord | None:
    return _account((await connection.execute(select(accounts).where(accounts.c.name == name))).first())


async def by_id(connection: AsyncConnection, identifier: str) -> AccountRecord | None:
    return _account((await connection.execute(select(accounts).where(accounts.c.id == identifier))).first())


async def page(connection: AsyncConnection, after: str, limit: int) -> list[AccountRecord]:
    query = select(accounts).where(accounts.c.name > after).order_by(accounts.c.name).limit(limit)
    return [AccountRecord(**row._mapping) for row in await connection.execute(query)]  # noqa: SLF001


async def count(connection: AsyncConnection) -> int:
    return (await connection.execute(select(func.count()).select_from(accounts))).scalar_one()


async def admins(connection: AsyncConnection) -> int:
    """System administrators that can still log in."""
    query = select(func.count()).select_from(accounts)
    query = query.where(accounts.c.admin.is_(True), accounts.c.disabled.is_(False))
    return (await connection.execute(query)).scalar_one()


async def change(connection: AsyncConnection, identifier: str, **values: Any) -> None:
    await connection.execute(update(accounts).where(accounts.c.id == identifier).values(**values))


# -- invitations -------------------------------------------------------------------------------------------


async def invite(connection: AsyncConnection, record: InvitationRecord) -> None:
    await connection.execute(insert(invitations).values(**vars(record)))


async def invitation(connection: AsyncConnection, digest: str) -> InvitationRecord | None:
    row = (await connection.execute(select(invitations).where(invitations.c.digest == digest))).first()
    return InvitationRecord(**row._mapping) if row is not None else None  # noqa: SLF001


async def use_invitation(connection: AsyncConnection, identifier: str) -> bool:
    """Whether it was still there: of two who use it at once, one does."""
    gone = await connection.execute(delete(invitations).where(invitations.c.id == identifier))
    return gone.rowcount == 1


async def forget_invitations(connection: AsyncConnection, now: datetime, *, first: bool) -> None:
    """What has expired, and with `first` every one that opens the first account."""
    await connection.execute(delete(invitations).where(invitations.c.expires_at <= now))
    if first:
        await connection.execute(delete(invitations).where(invitations.c.first.is_(True)))


# -- lock-outs ---------------------------------------------------------------------------------------------


async def lockout(connection: AsyncConnection, key: str, now: datetime) -> Lockout:
    """The count of `key`, held until the transaction ends: of many who guess at once, each is counted."""
    await insert_new(connection, lockouts, {"key": key, "failures": 0, "last_at": now, "until": now})
    query = select(lockouts).where(lockouts.c.key == key).with_for_update()
    row = (await connection.execute(query)).one()
    return Lockout(failures=row.failures, last_at=row.last_at, until=row.until)


async def save_lockout(connection: AsyncConnection, key: str, found: Lockout) -> None:
    await connection.execute(update(lockouts).where(lockouts.c.key == key).values(**vars(found)))


async def forgive(connection: AsyncConnection, key: str) -> None:
    await connection.execute(delete(lockouts).where(lockouts.c.key == key))


async def forget_lockouts(connection: AsyncConnection, before: datetime) -> None:
    await connection.execute(delete(lockouts).where(lockouts.c.last_at < before))
