"""Threads of one kind of work that takes long, so that what is short never stands in line behind it."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

P = ParamSpec("P")
Found = TypeVar("Found")


class Threads:
    """At most `most` at once; who comes after them waits, and holds nothing meanwhile. Called as `asyncio.to_thread` is."""

    def __init__(self, kind: str, most: int) -> None:
        self._pool = ThreadPoolExecutor(most, thread_name_prefix=f"retort-{kind}")

    async def __call__(self, work: Callable[P, Found], /, *args: P.args, **rest: P.kwargs) -> Found:
        call = partial(contextvars.copy_context().run, work, *args, **rest)
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        """What has not begun is left; what has is waited for."""
        self._pool.shutdown(cancel_futures=True)
