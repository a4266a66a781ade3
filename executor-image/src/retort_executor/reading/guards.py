"""Guards around parsers written in Rust: on a damaged file they may panic, which no `except Exception` sees."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def guarded(
    act: Callable[[], T],
    failed: Callable[[str], Exception],
    passing: tuple[type[BaseException], ...] = (),
) -> T:
    """What `act` returns; any failure but those in `passing` becomes `failed(its first line)`."""
    try:
        return act()
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except passing:
        raise
    except BaseException as error:  # noqa: BLE001 - pyo3's PanicException is a BaseException
        first = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise failed(first) from None
