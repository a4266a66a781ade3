"""Where a service keeps things: in a folder of this machine, or on a PostgreSQL and an S3. Chosen by the mains only."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
import signal as signals
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from retort_api.kit.database import Database
from retort_api.kit.postgres.database import PostgresDatabase
from retort_api.kit.postgres.holding import Holding
from retort_api.kit.postgres.settings import PostgresSettings
from retort_api.kit.postgres.signals import PostgresSignal
from retort_api.kit.signals import Signal
from retort_api.migrations import schema
from retort_api.projects import repository as projects
from retort_api.storage import StorageSettings, remote
from retort_core.errors import BadInput, Conflict
from retort_core.http.routes import DEFAULT_PROJECT
from retort_tables.objects.folder import FolderObjects
from retort_tables.objects.port import ObjectStore


@dataclass(frozen=True, kw_only=True)
class Stores:
    database: Database
    objects: ObjectStore
    signal: Signal


Opening: TypeAlias = Callable[[Path], AbstractAsyncContextManager[Stores]]


@contextlib.asynccontextmanager
async def on_this_machine(home: Path) -> AsyncIterator[Stores]:
    """SQLite and a folder in the home; the database is brought to this release's revision."""
    database = sqlite(home)
    try:
        await schema.upgrade(database)
        objects = FolderObjects(home / "objects")
        await asyncio.to_thread(objects.sweep)
        yield Stores(database=database, objects=objects, signal=Signal())
    finally:
        await database.close()


@contextlib.asynccontextmanager
async def on_servers(home: Path) -> AsyncIterator[Stores]:
    """What the settings name, for the one process that drives the tasks of a database."""
    async with shared(home) as stores, contextlib.AsyncExitStack() as stack:
        holding = Holding(PostgresSettings(), "drives the tasks of this database")
        stack.push_async_callback(holding.close)
        await holding.open(lambda: os.kill(os.getpid(), signals.SIGTERM))
        yield stores


@contextlib.asynccontextmanager
async def shared(home: Path) -> AsyncIterator[Stores]:
    """What the settings name, for any number of replicas. The database must be at this release's revision: `retort migrate`
    is an act of its own, because replicas of two releases share one database while they are rolled out."""
    settings = PostgresSettings()
    database, objects = await asyncio.gather(
        _database(settings), asyncio.to_thread(object_store, StorageSettings(), home)
    )
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        signal = PostgresSignal(settings)
        stack.push_async_callback(signal.close)
        await signal.open()
        yield Stores(database=database, objects=objects, signal=signal)


def sqlite(home: Path) -> Database:
    return Database(f"sqlite+aiosqlite:///{home / 'retort.db'}")


def named_database(home: Path) -> Database:
    """PostgreSQL where the settings name one, else the home's SQLite."""
    settings = PostgresSettings()
    return PostgresDatabase(settings) if settings.named else sqlite(home)


def object_store(settings: StorageSettings, home: Path) -> ObjectStore:
    """S3 where the settings name one, else the home's folder. Blocking."""
    return remote(settings, home) if settings.s3_endpoint else FolderObjects(home / "objects")


async def _database(settings: PostgresSettings) -> PostgresDatabase:
    if not settings.named:
        raise BadInput("RETORT_DATABASE_URL is missing: this service keeps its records in a PostgreSQL.")
    database = PostgresDatabase(settings)
    try:
        await schema.ready(database)
    except BaseException:
        await database.close()
        raise
    return database


async def default_project(database: Database) -> None:
    async with database.read() as connection:
        if await projects.find(connection, DEFAULT_PROJECT) is not None:
            return
    async with database.write() as connection:
        await projects.add(connection, DEFAULT_PROJECT, DEFAULT_PROJECT, datetime.now(UTC))


def prepared(home: Path) -> Path:
    """The home's folders."""
    home = home.expanduser().resolve()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    spool = home / "spool"
    spool.mkdir(mode=0o700, exist_ok=True)
    return home


@contextlib.contextmanager
def locked(home: Path) -> Iterator[None]:
    """One service at a time on one home; what a crash left in its spool goes, because nobody else can be using it. A
    container that is started again finds its volume as it was left, and the space in it is not without end."""
    with (home / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(
                f"Another Retort service is using {home}. Stop it, or choose another --home."
            ) from None
        _clear(home / "spool")
        yield


def _clear(spool: Path) -> None:
    for left in spool.iterdir():
        shutil.rmtree(left) if left.is_dir() else left.unlink()
