"""A process' folder: what an earlier one left in the spool goes at the start, what a living one has in it stays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from retort_api.access.settings import AccessSettings
from retort_api.cluster.settings import ClusterSettings
from retort_api.kit.watching.watch import Watch
from retort_api.mains import broker, cluster
from retort_api.mains.stores import locked, prepared
from retort_api.settings import Settings
from retort_core.errors import Conflict


class Reached(Exception):
    """The stores are asked for: by then the spool is cleared."""


@asynccontextmanager
async def no_stores(home: Path) -> AsyncIterator[Any]:
    raise Reached(sorted(path.name for path in (home / "spool").iterdir()))
    yield


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """As a process leaves it that was killed in the middle of a run and an upload."""
    home = prepared(tmp_path / "home")
    run = home / "spool" / "run-x"
    run.mkdir()
    (run / "0").write_bytes(b"half a result")
    (home / "spool" / "upload-x").write_bytes(b"half a file")
    (home / "cache").mkdir()
    (home / "cache" / "kept").write_bytes(b"an object")
    return home


def start(main: Any, home: Path) -> None:
    """Up to the stores."""
    for name in ("token", "key"):
        (home / name).write_text("x" * 64)
    settings = Settings(home=home)
    parts = ClusterSettings(internal_token_file=home / "token", session_key_file=home / "key")

    async def open_it() -> None:
        opened = (
            broker.opened(settings, parts, Watch())
            if main is broker
            else cluster.opened(settings, AccessSettings(), parts, Watch())
        )
        async with opened:
            pass

    asyncio.run(open_it())


@pytest.mark.parametrize("main", [broker, cluster])
def test_what_a_killed_process_left_in_the_spool_is_gone_before_the_next_one_works(
    monkeypatch: pytest.MonkeyPatch, home: Path, main: Any
) -> None:
    monkeypatch.setattr(main, "shared", no_stores)
    with pytest.raises(Reached) as reached:
        start(main, home)
    assert reached.value.args == ([],)
    assert (home / "cache" / "kept").exists()


@pytest.mark.parametrize("main", [broker, cluster])
def test_a_second_process_on_one_home_is_refused_and_takes_nothing_from_the_first(
    monkeypatch: pytest.MonkeyPatch, home: Path, main: Any
) -> None:
    monkeypatch.setattr(main, "shared", no_stores)
    with locked(home):
        (home / "spool" / "run-y").mkdir()
        with pytest.raises(Conflict, match="Another Retort service"):
            start(main, home)
        assert (home / "spool" / "run-y").exists()
