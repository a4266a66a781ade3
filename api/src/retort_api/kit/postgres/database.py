"""The connection source over PostgreSQL: many writers at once, in several replicas.

- Reads see one snapshot (REPEATABLE READ, READ ONLY) and take no locks; a single statement goes without BEGIN and COMMIT,
  which are two of its three round trips. Writes run in READ COMMITTED: every repository
  locks the rows it decides upon, or moves them by compare-and-swap, so nothing depends on the isolation.
- Readers and writers have pools of their own, because a writer may read beside its transaction: with one pool, as many
  writers as connections would wait for one another for ever.
- `transact` runs its body again after a deadlock or a unique key that another transaction was faster with. `write`
  cannot, and says what it was.
- A connection that is lost while it commits leaves open whether it did. The transaction's own number answers that
  (`pg_xact_status`), so nothing is ever done twice and nothing done is reported as failed.
- What the server or the network does is `Unavailable`: nothing was changed, try again; what cannot be stored is `BadInput`.
"""

from __future__ import annotations

import asyncio
import random
import select
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import structlog
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError, IntegrityError, InvalidatePoolError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from retort_api.kit import sequenced
from retort_api.kit.database import Database, Value
from retort_api.kit.postgres.failures import CommitUnknown, Contended, explained, repeatable
from retort_api.kit.postgres.settings import PostgresSettings

log = structlog.get_logger(__name__)
CHANNEL: Final = "retort"  # woken after every transaction that wrote something numbered
SEQUENCE_LOCK: Final = 0x7265_746F_7274_0001  # "retort", 1
STATEMENTS: Final = "retort_statements"
TRIES: Final = 8
PAUSE_SECONDS: Final = 0.02  # doubled with every try, times a random share
RESOLVE_SECONDS: Final = 10.0  # a server that was restarted answers within a few


class PostgresDatabase(Database):
    def __init__(self, settings: PostgresSettings) -> None:
        """Connects at the first use."""
        readers, writers = settings.pools
        self._readers = _engine(settings, readers, "REPEATABLE READ", readonly=True)
        self._writers = _engine(settings, writers, "READ COMMITTED", readonly=False)
        self._singles = self._readers.execution_options(isolation_level="AUTOCOMMIT")  # of the same pool
        event.listen(self._singles.sync_engine, "before_cursor_execute", _counted)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        with explained():
            async with self._readers.connect() as connection, connection.begin():
                yield connection

    @asynccontextmanager
    async def single(self) -> AsyncIterator[AsyncConnection]:
        with explained():
            async with self._singles.connect() as connection:
                connection.info[STATEMENTS] = 0
                yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        number = ""
        try:
            with explained():
                async with self._writers.connect() as connection:
                    sequenced.forget(connection)
                    transaction = await connection.begin()
                    try:
                        yield connection
                        number = await sequenced.finish(connection, _lock) or await _number(connection)
                    except BaseException:
                        await transaction.rollback()
                        raise
                    await _commit(transaction.commit)
        except CommitUnknown as unknown:
            if not await self._committed(number):
                raise unknown.plain() from None

    async def transact(self, body: Callable[[AsyncConnection], Awaitable[Value]]) -> Value:
        for number in range(1, TRIES):
            try:
                async with self.write() as connection:
                    return await body(connection)
            except (Contended, IntegrityError) as error:
                if not repeatable(error):
                    raise
            share = 0.5 + random.random()  # noqa: S311 - spreads rivals, guards nothing
            await asyncio.sleep(share * min(PAUSE_SECONDS * 2**number, 1.0))
        async with self.write() as connection:
            return await body(connection)

    async def close(self) -> None:
        await self._readers.dispose()
        await self._writers.dispose()

    async def _committed(self, number: str) -> bool:
        """What became of a transaction whose connection was lost while it committed; asked until the server tells."""
        end = asyncio.get_running_loop().time() + RESOLVE_SECONDS
        query = text("SELECT pg_xact_status(CAST(:number AS xid8))")
        while True:
            try:
                async with self._readers.connect() as connection, connection.begin():
                    status = (await connection.execute(query, {"number": number})).scalar_one()
            except (DBAPIError, PoolTimeout) as error:
                if asyncio.get_running_loop().time() > end:
                    log.exception("commit_unknown", transaction=number)
                    raise CommitUnknown().plain(known=False) from error
                status = "in progress"
            if status != "in progress":
                return bool(status == "committed")
            await asyncio.sleep(0.1)


def _counted(connection: Any, *_: Any) -> None:
    """Two statements would see two states of the database."""
    connection.info[STATEMENTS] += 1
    if connection.info[STATEMENTS] > 1:
        raise AssertionError("`single()` is for one statement; several need `read()`")


async def _commit(commit: Callable[[], Awaitable[None]]) -> None:
    try:
        await commit()
    except DBAPIError as error:
        if error.connection_invalidated:
            raise CommitUnknown from error
        raise


async def _number(connection: AsyncConnection) -> str:
    return str((await connection.execute(text("SELECT pg_current_xact_id()::text"))).scalar_one())


async def _lock(connection: AsyncConnection) -> str:
    """Held until the transaction has ended; waiters are woken when it has. The number of the transaction."""
    query = text(
        "SELECT pg_advisory_xact_lock(:lock), pg_notify(:channel, ''), pg_current_xact_id()::text AS number"
    )
    found = await connection.execute(query, {"lock": SEQUENCE_LOCK, "channel": CHANNEL})
    return str(found.one().number)


def _engine(settings: PostgresSettings, size: int, isolation: Any, *, readonly: bool) -> AsyncEngine:
    engine = create_async_engine(
        settings.url,
        connect_args=settings.connect_arguments,
        pool_size=size,
        max_overflow=0,
        pool_timeout=settings.database_checkout_seconds,
        isolation_level=isolation,
        execution_options={"postgresql_readonly": readonly},
        hide_parameters=True,  # cell values and words of people stay out of errors and logs
    )
    event.listen(engine.sync_engine.pool, "checkout", _still_there)
    return engine


def _still_there(connection: Any, _record: Any, _proxy: Any) -> None:
    """A server that has gone closed its end: the socket is readable then, which costs 2 µs to see and no round trip."""
    driver = connection.driver_connection
    if driver.closed or _readable(driver.fileno()):
        raise InvalidatePoolError


def _readable(descriptor: int) -> bool:
    """Not by `select`, which knows no descriptor above 1023."""
    looked = select.poll()
    looked.register(descriptor, select.POLLIN)
    return bool(looked.poll(0))
