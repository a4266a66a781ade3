"""Which versions are shown, by pages: memory alone. A page is made version by version and taken away in one request, so that
showing a version stays one write, however many there have been.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

Dataset: TypeAlias = tuple[str, str]  # namespace, dataset


class Shown(NamedTuple):
    seq: int
    page: str


class Page(NamedTuple):
    name: str
    commits: list[str]


@dataclass
class Line:
    """The shown versions of one dataset, by commit, in the order of publication. `going`: pages that were asked to go."""

    shown: OrderedDict[str, Shown] = field(default_factory=OrderedDict)
    going: set[str] = field(default_factory=set)

    def put(self, commit: str, one: Shown) -> None:
        """In its place: an old one may come back after newer ones."""
        last = next(reversed(self.shown.values()), None)
        self.shown[commit] = one
        if last is not None and last.seq > one.seq:
            self.shown = OrderedDict(sorted(self.shown.items(), key=lambda pair: pair[1].seq))

    def page_for(self, seq: int, size: int) -> str:
        """That of its neighbour, unless it is full or on its way out; else one of its own."""
        first = next(iter(self.shown.values()), None)
        beside = next((one for one in reversed(self.shown.values()) if one.seq < seq), first)
        if beside is None or beside.page in self.going:
            return str(seq)
        full = sum(1 for one in self.shown.values() if one.page == beside.page) >= size
        return str(seq) if full else beside.page


class Pages:
    """Of each dataset about `keep`: whole pages go, of half as many versions each, as long as `keep` are left."""

    def __init__(self, keep: int) -> None:
        self._keep, self._size = keep, max(1, keep // 2)
        self._lines: dict[Dataset, Line] = {}

    def clear(self) -> None:
        self._lines.clear()

    def __iter__(self) -> Iterator[tuple[Dataset, str, Shown]]:
        for dataset, line in self._lines.items():
            for commit, one in line.shown.items():
                yield dataset, commit, one

    def note(self, dataset: Dataset, commit: str, one: Shown) -> None:
        """What is there."""
        self._lines.setdefault(dataset, Line()).put(commit, one)

    def place(self, dataset: Dataset, commit: str, seq: int) -> str:
        """Its page; counts from here on, so that several made at once fill pages in order."""
        line = self._lines.setdefault(dataset, Line())
        old = line.shown.get(commit)
        if old is not None:
            return old.page
        page = line.page_for(seq, self._size)
        line.put(commit, Shown(seq, page))
        return page

    def forget(self, dataset: Dataset, commit: str) -> Shown | None:
        """A dataset of which nothing is shown is not kept in mind either."""
        line = self._lines.get(dataset)
        shown = line.shown.pop(commit, None) if line is not None else None
        if line is not None and not line.shown:
            del self._lines[dataset]
        return shown

    def lost(self, dataset: Dataset, commit: str) -> Shown | None:
        """One that is gone, if it was shown and we have not taken it away ourselves."""
        line = self._lines.get(dataset)
        shown = self.forget(dataset, commit)
        return None if line is None or shown is None or shown.page in line.going else shown

    def surplus(self, dataset: Dataset) -> Page | None:
        """The oldest page, if enough are left without it."""
        line = self._lines.get(dataset)
        if line is None:
            return None
        name = next(iter(line.shown.values())).page
        commits = [commit for commit, one in line.shown.items() if one.page == name]
        return Page(name, commits) if len(line.shown) - len(commits) >= self._keep else None

    def going(self, dataset: Dataset, page: str) -> None:
        """Told before it is asked for, so that nobody takes it for somebody else's deletion."""
        self._lines[dataset].going.add(page)

    def went(self, dataset: Dataset, page: Page) -> None:
        """Told after it is done, so that one that failed is asked for again."""
        line = self._lines.get(dataset)
        for commit in page.commits:
            self.forget(dataset, commit)
        if line is not None:
            line.going.discard(page.name)

    def newest(self, dataset: Dataset) -> Shown | None:
        line = self._lines.get(dataset)
        return next(reversed(line.shown.values()), None) if line is not None else None
