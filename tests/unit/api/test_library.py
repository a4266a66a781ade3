"""What is known of versions: read once however many ask, and asked for again after a failure."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from retort_api.runs.library import KEPT, Library
from retort_core.errors import Unavailable


class Store(SimpleNamespace):
    """Reads are counted, and wait until they may go on."""

    def __init__(self) -> None:
        super().__init__(reads=[], may=threading.Event(), broken=False)

    def _read(self, what: str, key: str) -> str:
        assert self.may.wait(20)
        self.reads.append((what, key))
        if self.broken:
            raise Unavailable("away")
        return f"{what} of {key}"

    def __getattr__(self, name: str) -> Any:
        return lambda key: self._read(name, key)


@pytest.mark.asyncio
async def test_many_who_ask_at_once_read_once() -> None:
    store = Store()
    library = Library(store)  # type: ignore[arg-type]
    asked = [asyncio.create_task(library.schema("v1")) for _ in range(5)]
    await asyncio.sleep(0)
    store.may.set()
    assert set(await asyncio.gather(*asked)) == {"schema of v1"}
    assert await library.schema("v1") == "schema of v1"
    assert store.reads == [("schema", "v1")]


@pytest.mark.asyncio
async def test_one_who_stops_waiting_takes_nothing_from_the_others() -> None:
    store = Store()
    library = Library(store)  # type: ignore[arg-type]
    first, second = (asyncio.create_task(library.profile("v1")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    store.may.set()
    assert await second == "profile of v1"
    assert len(store.reads) == 1


@pytest.mark.asyncio
async def test_a_failure_is_told_and_not_kept() -> None:
    store = Store()
    store.may.set()
    store.broken = True
    library = Library(store)  # type: ignore[arg-type]
    with pytest.raises(Unavailable):
        await library.schema("v1")
    library.soon("v1")  # nobody waits for it, so nobody is bothered
    await asyncio.gather(*library._reading)
    store.broken = False
    assert await library.schema("v1") == "schema of v1"


@pytest.mark.asyncio
async def test_what_the_next_step_needs_is_there_before_it_asks() -> None:
    store = Store()
    store.may.set()
    library = Library(store)  # type: ignore[arg-type]
    library.soon("v1")
    await asyncio.gather(*library._reading)
    store.reads.clear()
    assert await library.schema("v1") == "schema of v1"
    assert await library.profile("v1") == "profile of v1"
    assert not store.reads


@pytest.mark.asyncio
async def test_only_so_much_is_kept() -> None:
    store = Store()
    store.may.set()
    library = Library(store)  # type: ignore[arg-type]
    for number in range(KEPT + 10):
        await library.schema(str(number))
    assert len(library._kept) == KEPT
