"""Duplicates: rows that say the same again, or contradict each other about the same key.

Keys and cells are compared without spaces and width. A row whose key is missing (or invalid) is never a duplicate.
Without key columns the whole row is the key, and missing equals missing.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import reduce
from typing import ClassVar, Literal

from retort_core.cells import ROW_ID
from retort_core.errors import StepError
from retort_core.plans import Lang
from retort_core.schema import DType, Kind, Schema
from retort_plans.emission import TABLE, Emitter
from retort_plans.operations.base import Loss, NameList, Operation, free_name, new_column, require
from retort_plans.reference import Cell, Invalid, Row, Rows, Valid, cell, key
from retort_plans.syntax import Code, col, pl, reading
from retort_plans.wording import listed

Keep = Literal["identical", "first", "last", "none", "complete"]


class DropDuplicates(Operation):
    """Drops repeated rows, told by the key columns (the whole row when none is named).

    Rows of one key that are equal in every column but the `ignore`d ones collapse to the first. What then still
    conflicts stays with `keep: identical`; `first` and `last` keep that row of each key, `complete` the row with the
    most valid cells (the first of several), `none` drops all rows of a conflicting key.
    """

    name = "drop_duplicates"
    family = "Rows"
    example: ClassVar = {"columns": ["用户ID"], "keep": "first", "ignore": []}
    columns: NameList = ()
    keep: Keep = "identical"
    ignore: NameList = ()

    def check(self, schema: Schema) -> Schema:
        require(schema, self.columns)
        require(schema, self.ignore)
        both = [name for name in self.columns if name in self.ignore]
        if both:
            raise StepError(f"column {both[0]!r} cannot be a key and be ignored", column=both[0])
        if not self._compared(schema):
            raise StepError("every column is ignored, so there is nothing to compare; ignore fewer columns")
        return schema

    def _compared(self, schema: Schema) -> list[str]:
        return [name for name in schema.names if name not in self.ignore]

    # -- Polars -------------------------------------------------------------------------------------------
    def emit(self, out: Emitter) -> None:
        if not self.columns:
            rows = pl("struct", *_cells(out, self._compared(out.schema)))
            out.let(
                TABLE.call(
                    "filter", rows.call("is_last_distinct" if self.keep == "last" else "is_first_distinct")
                )
            )
        elif self.keep in ("first", "last"):
            once = _struct(_keys(out, self.columns)).call(f"is_{self.keep}_distinct")
            out.let(TABLE.call("filter", once | _no_key(self.columns)))
        else:
            key = _key(out, self.columns)
            self._collapse(out, key)
            if self.keep == "none":
                out.let(TABLE.call("remove", _repeated(key, self.columns)))
            elif self.keep == "complete":
                self._complete(out, key)

    def _collapse(self, out: Emitter, key: Code) -> None:
        """Only rows of a repeated key are compared cell by cell, so cost follows the duplicates."""
        if not out.row_ids:
            out.let(TABLE.call("with_row_index", ROW_ID))
        rows = pl("struct", *_cells(out, self._compared(out.schema)))
        repeated = out.assign("repeated", TABLE.call("filter", _repeated(key, self.columns)))
        copies = out.assign("copies", repeated.call("remove", rows.call("is_first_distinct")))
        kept = TABLE.call("join", copies, on=ROW_ID, how="anti", maintain_order="left")
        out.let(kept if out.row_ids else kept.call("drop", ROW_ID))

    def _complete(self, out: Emitter, key: Code) -> None:
        valid = pl(
            "sum_horizontal", pl("col", [reading(name) for name in out.schema.names]).call("is_not_null")
        )
        place = out.local("place", valid.call("rank", "ordinal", descending=True).call("over", key))
        out.let(TABLE.call("filter", place.eq(1) | _no_key(self.columns)))

    # -- words --------------------------------------------------------------------------------------------
    def explain(self, lang: Lang) -> str:
        key_names = listed(self.columns, lang) or ("整行" if lang == "zh" else "the whole row")
        if lang == "zh":
            rules = {
                "identical": "只合并完全相同的行", "first": "保留第一条", "last": "保留最后一条",
                "none": "有冲突的全部删除", "complete": "保留最完整的一条",
            }  # fmt: skip
            tail = f"（不比较 {listed(self.ignore, lang)}）" if self.ignore else ""
            return f"按 {key_names} 去重，{rules[self.keep]}{tail}"
        rules = {
            "identical": "collapse identical rows only", "first": "keep the first row", "last": "keep the last row",
            "none": "drop all that conflict", "complete": "keep the most complete row",
        }  # fmt: skip
        tail = f" (not comparing {listed(self.ignore, lang)})" if self.ignore else ""
        return f"drop duplicates by {key_names}: {rules[self.keep]}{tail}"

    def entitles(self) -> Loss:
        return Loss(rows=True)

    # -- reference ----------------------------------------------------------------------------------------
    def reference(self, rows: Rows, schema: Schema) -> Sequence[Row]:
        compared = self._compared(schema)
        groups: dict[Hashable, list[Row]] = {}
        for row in rows:
            groups.setdefault(_group(row, self.columns or compared, whole=not self.columns), []).append(row)
        kept = {row.id for group in groups.values() for row in self._survivors(group, compared, schema)}
        return [row for row in rows if row.id in kept]

    def _survivors(self, group: Sequence[Row], compared: Sequence[str], schema: Schema) -> Sequence[Row]:
        distinct = list({_group(row, compared, whole=True): row for row in reversed(group)}.values())
        distinct.sort(key=group.index)
        match self.keep:
            case "first":
                return group[:1]
            case "last":
                return group[-1:]
            case "none":
                return distinct if len(distinct) == 1 else []
            case "complete":
                count = {row.id: sum(isinstance(row[n], Valid) for n in schema.names) for row in distinct}
                return [max(distinct, key=lambda row: count[row.id])]
        return distinct


class MarkDuplicates(Operation):
    """Marks in a new column (true or false) every row whose key occurs more than once; drops nothing."""

    name = "mark_duplicates"
    family = "Rows"
    example: ClassVar = {"columns": ["用户ID"], "new_name": "重复"}
    columns: NameList = ()
    new_name: str

    def check(self, schema: Schema) -> Schema:
        require(schema, self.columns)
        made = new_column(free_name(schema, self.new_name), DType.boolean, Kind.single, self.columns)
        return schema.insert(made)

    def emit(self, out: Emitter) -> None:
        if self.columns:
            marked = _repeated(_key(out, self.columns), self.columns)
        else:
            marked = pl("struct", *_cells(out, out.schema.names)).call("is_duplicated")
        out.with_columns(marked.call("alias", self.new_name))

    def explain(self, lang: Lang) -> str:
        names = listed(self.columns, lang) or ("整行" if lang == "zh" else "the whole row")
        if lang == "zh":
            return f"新增列 {self.new_name}，标记 {names} 重复的行"
        return f"new column {self.new_name}: marks rows that repeat {names}"

    def reference(self, rows: Rows, schema: Schema) -> Sequence[Row]:
        keys = [_group(row, self.columns or schema.names, whole=not self.columns) for row in rows]
        return [
            row.set({self.new_name: cell(value=keys.count(k) > 1)}) for row, k in zip(rows, keys, strict=True)
        ]


def _folded(out: Emitter, text: Code) -> Code:
    return out.narrow(text).call("str.replace_all", r"\s", "")


def _keys(out: Emitter, columns: Sequence[str]) -> list[Code]:
    texts = {column for column in columns if out.schema[column].dtype is DType.text}
    return [_folded(out, col(column)) if column in texts else col(column) for column in columns]


def _key(out: Emitter, columns: Sequence[str]) -> Code:
    """What rows of one key share, under a name of its own where it is more than a column."""
    made = _struct(_keys(out, columns))
    plain = len(columns) == 1 and out.schema[columns[0]].dtype is not DType.text
    return made if plain else out.local("key", made)


def _struct(cells: Sequence[Code]) -> Code:
    return cells[0] if len(cells) == 1 else pl("struct", *cells)


def _cells(out: Emitter, columns: Sequence[str]) -> list[Code]:
    """What two rows must share to be identical: values and raw texts of invalid cells."""
    texts = [name for name in columns if out.schema[name].dtype is DType.text] + out.companions(columns)
    others = [name for name in columns if out.schema[name].dtype is not DType.text]
    made = [pl("col", [reading(name) for name in others])] if others else []
    return [*made, _folded(out, pl("col", [reading(name) for name in texts]))] if texts else made


def _has_key(columns: Sequence[str]) -> Code:
    return reduce(Code.__and__, [col(column).call("is_not_null") for column in columns])


def _no_key(columns: Sequence[str]) -> Code:
    return reduce(Code.__or__, [col(column).call("is_null") for column in columns])


def _repeated(key: Code, columns: Sequence[str]) -> Code:
    return key.call("is_duplicated") & _has_key(columns)


def _group(row: Row, columns: Sequence[str], *, whole: bool) -> Hashable:
    """What rows are grouped by; a row without a key is a group of its own."""
    if not whole and not all(isinstance(row[name], Valid) for name in columns):
        return ("row", row.id)
    return tuple(_comparable(row[name]) for name in columns)


def _comparable(it: Cell) -> Hashable:
    if isinstance(it, Valid):
        return ("valid", key(it.value))
    return ("invalid", key(it.raw)) if isinstance(it, Invalid) else ("missing",)
