"""Pages of tables, fitted to the terminal: rows with their marks, and the tables of answers.

A table wider than the terminal would be squeezed to columns of one letter. A page of data shows the columns that fit
and says how many more there are; an answer is small and shown whole, its columns in blocks below one another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pydantic import JsonValue
from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from retort_client.rendering.texts import cell, plain
from retort_client.words import say
from retort_core.http.versions import TablePage
from retort_core.plans import Lang

CELL_WIDTH = 40
_EDGES, _GAP = 2, 3  # columns of the terminal around a table, and between two of its columns


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """One column as it is drawn."""

    title: Text
    cells: tuple[Text, ...]
    right: bool

    @property
    def width(self) -> int:
        longest = max((cell_len(text.plain) for text in (self.title, *self.cells)), default=1)
        return min(CELL_WIDTH, max(1, longest))


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A table that knows the terminal's width only when it is printed. `whole`: blocks instead of leaving out."""

    page: TablePage
    lang: Lang
    title: str = ""
    whole: bool = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        columns = drawn(self.page)
        blocks = list(fitting(columns, options.max_width, _keys(columns) if self.whole else 0))
        if self.title:
            yield plain(self.title, "italic")
        for block in blocks if self.whole else blocks[:1]:
            yield _table([columns[at] for at in block])
        yield from self._footer(len(columns) - len(blocks[0]) if blocks and not self.whole else 0)

    def _footer(self, left_out: int) -> Iterator[RenderableType]:
        page, last = self.page, self.page.offset + len(self.page.rows)
        first = page.offset + 1 if page.rows else 0
        where = say("of-rows", self.lang, first=first, last=last, total=page.total)
        if left_out:
            where += say("more-columns", self.lang, n=left_out)
        if not self.whole or page.total > len(page.rows):
            yield Text(where, style="dim")
        if page.stale:
            yield Text(say("stale", self.lang), style="dim")


def table_page(page: TablePage, lang: Lang, title: str = "") -> RenderableType:
    """Rows with their marks: invalid cells show their raw text in red, missing ones a dim dot or their code."""
    return Fitted(page=page, lang=lang, title=title)


def result_table(page: TablePage, lang: Lang, title: str = "") -> RenderableType:
    """A table of an answer, every column of it."""
    return Fitted(page=page, lang=lang, title=title, whole=True)


def fitting(columns: Sequence[Drawn], width: int, keys: int = 0) -> Iterator[list[int]]:
    """Places of columns, block by block, each no wider than the terminal and at least one column wide.

    The first `keys` columns say what a row is; they come again in every block.
    """
    heads = list(range(keys))
    block, rest = list(heads), list(range(keys, len(columns)))
    while rest:
        block.append(rest[0])
        if _width([columns[at] for at in block]) > width and len(block) > max(1, keys + 1):
            yield block[:-1]
            block = list(heads)
            continue
        rest.pop(0)
    if block:
        yield block


def _width(columns: Sequence[Drawn]) -> int:
    return _EDGES + sum(column.width + _GAP for column in columns) - 1


def _keys(columns: Sequence[Drawn]) -> int:
    """How many columns at the left are words rather than figures: at most three."""
    return next((at for at, column in enumerate(columns[:4]) if column.right or at == 3), 0)


def drawn(page: TablePage) -> list[Drawn]:
    """The columns of a page with what stands in their cells."""
    marks = {(mark.row, mark.column): mark for mark in page.marks}
    made = []
    for index, column in enumerate(page.columns):
        values = [row[index] for row in page.rows]
        cells = []
        for number, value in enumerate(values):
            mark = marks.get((number, column.id)) or marks.get((number, column.name))
            if mark is not None and mark.state == "invalid":
                cells.append(plain(mark.raw or "", "red"))
            elif mark is not None and mark.raw:
                cells.append(plain(mark.raw, "dim strike"))
            else:
                share = column.name in page.shares and number not in page.other_rows
                cells.append(cell(value, share=share))
        made.append(Drawn(title=plain(column.name), cells=tuple(cells), right=_numeric(values)))
    return made


def _numeric(values: Iterable[JsonValue]) -> bool:
    shown = [value for value in values if value is not None]
    return bool(shown) and all(isinstance(v, int | float) and not isinstance(v, bool) for v in shown)


def _table(columns: Sequence[Drawn]) -> Table:
    shown = Table(box=box.SIMPLE_HEAD)
    for column in columns:
        shown.add_column(
            column.title,
            justify="right" if column.right else "left",
            max_width=CELL_WIDTH,
            overflow="ellipsis",
            no_wrap=True,
        )
    for row in zip(*(column.cells for column in columns), strict=True):
        shown.add_row(*row)
    return shown
