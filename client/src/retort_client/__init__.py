"""Retort client: `Dataset` for notebooks, `Client` for programs, `retort` for terminals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retort_client.dataset import Dataset, TaskFailed
    from retort_client.session import Client, Refused, Unreachable

__all__ = ["Client", "Dataset", "Refused", "TaskFailed", "Unreachable"]
_HOMES = {
    "Dataset": "dataset", "TaskFailed": "dataset", "Client": "session", "Refused": "session", "Unreachable": "session",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Loaded when asked for: the kubectl plugin needs none of it, and starts faster without."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
