"""How accounts come to be: by the first administrator's token, by an invitation, or freely where that is allowed.

There is no default password. A service without any account makes a token, writes it to a file of mode 0600 and names
that file; whoever can read it opens the first account, a system administrator, and the token is worth nothing after.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from pydantic import SecretStr
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.access import member_repository, repository, session_repository, shown_once
from retort_api.access.authoriser import Caller
from retort_api.access.passwords import Passwords
from retort_api.access.repository import AccountRecord, InvitationRecord
from retort_api.access.sessions import Noted
from retort_api.access.signing import write_secret
from retort_api.kit.database import Database
from retort_core.errors import BadInput, Conflict, NotFound, PolicyDenied
from retort_core.http.access import Account, AccountChange, AccountCreate, InvitationCreate, NewInvitation

FIRST: Final = timedelta(days=7)
SHORTEST_TOKEN: Final = 32


class Registration:
    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        now: Callable[[], datetime],
        ours: str = "",
        *,
        anyone: bool,
    ) -> None:
        """`ours`: what stands before the name of an account where it names a caller."""
        self._database, self._passwords, self._now = database, passwords, now
        self._ours, self._anyone = ours, anyone

    # -- the first account -------------------------------------------------------------------------------

    async def open_first(self, given: SecretStr, file: Path) -> Path | None:
        """The file with the token that opens the first account; None when there are accounts already."""
        now = self._now()
        async with self._database.write() as connection:
            if await repository.count(connection):
                return None
            token = given.get_secret_value() or shown_once.made(shown_once.INVITATION)
            if len(token) < SHORTEST_TOKEN:
                raise BadInput(
                    f"RETORT_FIRST_ADMIN is shorter than {SHORTEST_TOKEN} characters; anybody could guess it."
                )
            await repository.forget_invitations(connection, now, first=True)
            record = self._invitation(token, "", InvitationCreate(admin=True), "", now + FIRST, first=True)
            await repository.invite(connection, record)
        if not given.get_secret_value():
            write_secret(file, token + "\n")
        return file

    # -- invitations -------------------------------------------------------------------------------------

    async def invite(
        self, connection: AsyncConnection, caller: Caller, project: str, wanted: InvitationCreate
    ) -> NewInvitation:
        token = shown_once.made(shown_once.INVITATION)
        expires = self._now() + timedelta(hours=wanted.hours)
        record = self._invitation(token, project, wanted, caller.name, expires)
        await repository.forget_invitations(connection, self._now(), first=False)
        await repository.invite(connection, record)
        return NewInvitation(id=record.id, token=token, expires_at=expires)

    def _invitation(
        self, token: str, project: str, wanted: InvitationCreate, by: str, expires: datetime, *, first: bool = False
    ) -> InvitationRecord:  # fmt: skip
        return InvitationRecord(
            id=uuid.uuid4().hex, digest=shown_once.digest(token), project=project, role=wanted.role,
            admin=wanted.admin, first=first, by=by, created_at=self._now(), expires_at=expires,
        )  # fmt: skip

    async def register(self, wanted: AccountCreate, noted: Noted) -> Account:
        token = wanted.invitation.get_secret_value()
        if not token and not self._anyone:
            raise PolicyDenied(
                "This service opens accounts by invitation only; ask an administrator for one."
            )
        hashed = await self._passwords.hashed(wanted.name, wanted.password)
        now = self._now()
        try:
            async with self._database.write() as connection:
                invitation = await self._used(connection, token, now) if token else None
                record = AccountRecord(
                    id=uuid.uuid4().hex,
                    name=wanted.name,
                    password=hashed,
                    admin=invitation is not None and invitation.admin,
                    disabled=False,
                    created_at=now,
                )
                await repository.add(connection, record)
                if invitation is not None and invitation.project:
                    member, by = self._ours + wanted.name, invitation.by
                    await member_repository.put(
                        connection, invitation.project, member, invitation.role, by, now
                    )
                await noted(connection, wanted.name, "register")
        except IntegrityError:
            raise Conflict(f"There is an account {wanted.name!r} already.") from None
        return record.public

    async def _used(self, connection: AsyncConnection, token: str, now: datetime) -> InvitationRecord:
        found = await repository.invitation(connection, shown_once.digest(token))
        usable = found is not None and found.expires_at > now
        if found is not None and found.first and await repository.count(connection):
            usable = False
        if found is None or not usable or not await repository.use_invitation(connection, found.id):
            raise PolicyDenied("The invitation is not valid (any more); ask for another.")
        return found

    # -- administration ----------------------------------------------------------------------------------

    async def page(self, after: str, limit: int) -> list[Account]:
        async with self._database.read() as connection:
            return [record.public for record in await repository.page(connection, after, limit)]

    async def change(self, connection: AsyncConnection, identifier: str, wanted: AccountChange) -> Account:
        """By id or name. The last administrator who can log in stays one."""
        found = await repository.by_id(connection, identifier) or await repository.by_name(
            connection, identifier
        )
        if found is None:
            raise NotFound(f"There is no account {identifier[:100]!r}.")
        values = {name: value for name, value in dict(wanted).items() if value is not None}
        if values:
            await repository.change(connection, found.id, **values)
        if not await repository.admins(connection):
            raise Conflict("This is the last system administrator; make another one first.")
        if wanted.disabled:
            await session_repository.end_all(connection, found.id, "disabled", self._now())
        changed = await repository.by_id(connection, found.id)
        assert changed is not None
        return changed.public
