"""Who waits for something that there is too little of, by owner: owners take turns, and each one's own come in their order."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Turns(Generic[T]):
    def __init__(self) -> None:
        self._lines: OrderedDict[str, deque[T]] = OrderedDict()  # the owner whose turn is next first

    def __iter__(self) -> Iterator[T]:
        return (one for line in self._lines.values() for one in line)

    def __bool__(self) -> bool:
        return bool(self._lines)

    def add(self, owner: str, waiting: T) -> None:
        """A new owner comes after those that wait already."""
        self._lines.setdefault(owner, deque()).append(waiting)

    def drop(self, owner: str, waiting: T) -> None:
        """It waits no longer, and costs its owner no turn."""
        line = self._lines.get(owner, deque())
        if waiting in line:
            line.remove(waiting)
        if not line:
            self._lines.pop(owner, None)

    def next(self) -> T:
        """Out of its line. Raises KeyError when nobody waits."""
        owner, line = self._lines.popitem(last=False)
        found = line.popleft()
        if line:
            self._lines[owner] = line  # behind the others
        return found
