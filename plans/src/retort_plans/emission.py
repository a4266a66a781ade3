"""The emitter: collects the statements of a script and carries hidden columns through every step.

Operations describe *cells* and *tables*; the emitter knows what travels unseen:

- `__row_id` (when `row_ids`): kept by every selection, never part of a comparison of rows;
- companions `NAME__invalid` of the columns in `invalid`: a cell that is set loses its raw text, a renamed column
  takes its companion along, a dropped one drops it. Nothing is emitted for columns without invalid cells.

`table` is a LazyFrame while a script of several steps runs, so that Polars can fuse and parallelise them;
`out.frame()` makes it a DataFrame where a step must look at data.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any, Final

from retort_core.cells import ROW_ID, companion
from retort_core.plans import Lang
from retort_core.schema import Schema
from retort_plans.syntax import Code, code, col, name, operand, pl, reading, when

TABLE: Final = name("table")


class Emitter:
    """State of emission before a step: its schema, which columns have invalid cells, the statements so far."""

    def __init__(
        self,
        schema: Schema,
        invalid: Iterable[str] = (),
        *,
        row_ids: bool = True,
        lazy: bool = False,
        lang: Lang = "en",
    ) -> None:
        self.schema = schema
        self.invalid = frozenset(invalid)
        self.row_ids = row_ids
        self.lang: Lang = lang
        self.statements: list[ast.stmt] = []
        self.returned = False
        self.narrows = False
        self._lazy = lazy
        self._locals: set[str] = set()
        self._stems: Counter[str] = Counter()  # how many locals begin with it
        self._emptied: set[str] = set()

    # -- statements ---------------------------------------------------------------------------------------
    def assign(self, target: str, value: Code) -> Code:
        """`target = value`; returns the name for later use."""
        self.statements.append(ast.Assign([ast.Name(target, ast.Store())], value.node))
        return name(target)

    def let(self, value: Code) -> None:
        """`table = value`."""
        self.assign("table", value)

    def local(self, stem: str, value: Code) -> Code:
        """`stem = value` for an expression used more than once; `stem_2` when the step has a `stem` already."""
        count = self._stems[stem]
        target = stem if not count else f"{stem}_{count + 1}"
        if target not in self._locals:
            self._locals.add(target)
            self._stems.update(accumulate(target.split("_"), "{}_{}".format))
        return self.assign(target, value)

    def take(self) -> list[ast.stmt]:
        """The statements so far; the next step starts with none, and with fresh local names."""
        statements, self.statements = self.statements, []
        self._locals, self._stems = set(), Counter()
        return statements

    def add(self, node: ast.stmt) -> None:
        """Any other statement, such as a check that raises."""
        self.statements.append(node)

    def refuse(self, condition: Code, message: str) -> None:
        """`if undecided: raise ValueError(message)`: data this step cannot decide on."""
        undecided = self.local("undecided", condition)
        error = ast.Call(ast.Name("ValueError", ast.Load()), [code(message).node], [])
        self.add(ast.If(undecided.node, [ast.Raise(error, None)], []))

    def answer(self, tables: Mapping[str, Code]) -> None:
        """`return {"table": …}`: the end of a read-only script."""
        self.add(ast.Return(code(dict(tables)).node))
        self.returned = True

    def frame(self) -> Code:
        """The table as a DataFrame, for steps that look at data."""
        if self._lazy:
            self.let(TABLE.call("collect"))
            self._lazy = False
        return TABLE

    @property
    def lazy(self) -> bool:
        return self._lazy

    def without_hidden(self) -> None:
        """Leave hidden columns behind: the start of a read-only answer that does not need marks."""
        hidden = [*([ROW_ID] if self.row_ids else []), *self.companions(self.schema.names)]
        if hidden:
            self.let(TABLE.call("drop", *map(reading, hidden)))
        self.row_ids, self.invalid = False, frozenset()

    # -- cells --------------------------------------------------------------------------------------------
    def with_columns(self, *entries: Code) -> None:
        """`table = table.with_columns(…)`; all entries see the table before the step."""
        made = TABLE
        if entries:
            made = made.call("with_columns", *entries)
        if self._emptied:  # nothing invalid is left in these columns
            made = made.call("drop", *(reading(companion(column)) for column in sorted(self._emptied)))
            self._emptied = set()
        if made is not TABLE:
            self.let(made)

    def cells(self, column: str, value: Any, where: Code | None = None) -> list[Code]:
        """Entries for `with_columns` that set `column` (its cells where `where` is true) and clear its companion.

        Without `where` every cell is set. Nothing changes where `where` is false or unknown.
        """
        if where is None:
            entries = [operand(value).call("alias", column)]
        else:
            entries = [when(where, value, col(column)).call("alias", column)]
        if column in self.invalid and where is None:
            self.invalid -= {column}
            self._emptied.add(column)
        elif column in self.invalid and where is not None:
            raw = companion(column)
            entries.append(when(where, None, col(raw)).call("alias", raw))
        return entries

    def is_invalid(self, column: str) -> Code:
        """Whether a cell has invalid raw text."""
        if column in self.invalid:
            return col(companion(column)).call("is_not_null")
        return pl("lit", value=False)

    def is_missing(self, column: str) -> Code:
        """Whether a cell is missing: null and not invalid."""
        empty = col(column).call("is_null")
        return empty & col(companion(column)).call("is_null") if column in self.invalid else empty

    # -- columns ------------------------------------------------------------------------------------------
    def companions(self, columns: Iterable[str]) -> list[str]:
        return [companion(column) for column in columns if column in self.invalid]

    def select(self, columns: Sequence[str]) -> None:
        """`table = table.select(…)`: these columns in this order, with what travels along."""
        hidden = [ROW_ID] if self.row_ids else []
        self.let(TABLE.call("select", *map(reading, [*hidden, *columns, *self.companions(columns)])))
        self.invalid &= frozenset(columns)

    def drop(self, columns: Sequence[str]) -> None:
        self.let(TABLE.call("drop", *map(reading, [*columns, *self.companions(columns)])))
        self.invalid -= frozenset(columns)

    def rename(self, mapping: Mapping[str, str]) -> None:
        pairs = dict(mapping)
        pairs |= {companion(a): companion(b) for a, b in mapping.items() if a in self.invalid}
        self.let(TABLE.call("rename", pairs))
        self.invalid = frozenset(mapping.get(column, column) for column in self.invalid)

    def place(self, after: Schema) -> None:
        """Bring columns into the order of `after`, when a step put new ones elsewhere than at the end."""
        self.select(after.names)

    # -- values -------------------------------------------------------------------------------------------
    def narrow(self, text: Code) -> Code:
        """Full width as half width. Two short lists: `str.normalize` takes five times as long."""
        self.narrows = True
        return text.call("str.replace_many", name("WIDE"), name("NARROW"))

    def folded(self, column: str) -> Code:
        """A text column as it is compared: width folded, surrounding spaces gone."""
        return self.narrow(col(column)).call("str.strip_chars")
