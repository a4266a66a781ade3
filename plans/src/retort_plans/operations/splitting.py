"""Splitting a text column into several, and merging several into one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from retort_core.errors import StepError
from retort_core.plans import Lang
from retort_core.schema import DType, Kind, Schema
from retort_plans import patterns
from retort_plans.emission import Emitter
from retort_plans.operations.base import Loss, Names, Operation, free_name, new_column, require, require_text
from retort_plans.reference import SPACES, Cell, Row, Rows, Valid, canonical, cell
from retort_plans.syntax import Code, col, pl, when
from retort_plans.textual import as_text, check_text
from retort_plans.wording import listed

# Stands between the parts while a pattern splits; a control character that no reader lets into a cell's text.
_MARK = "\x1f"
Widths = Annotated[tuple[Annotated[int, Field(ge=1, le=10_000)], ...], Field(max_length=100)]


class SplitColumn(Operation):
    """Splits a text column into new ones: at a separator, at matches of a pattern, or by widths in characters.

    The last column takes the rest (with widths only when there is one name more than widths). Parts lose surrounding
    spaces; an empty or absent part is missing.
    """

    name = "split_column"
    family = "Columns"
    example: ClassVar = {
        "column": "地区",
        "separator": "-",
        "pattern": "",
        "widths": [],
        "into": ["省", "市"],
        "keep_source": True,
    }
    column: str
    separator: str = Field(default="", max_length=50)
    pattern: str = ""
    widths: Widths = ()
    into: Annotated[tuple[str, ...], Field(min_length=1, max_length=100)]
    keep_source: bool = True

    def check(self, schema: Schema) -> Schema:
        require_text(schema, (self.column,))
        if sum(map(bool, (self.separator, self.pattern, self.widths))) != 1:
            raise StepError("split_column: give one of separator, pattern and widths")
        if self.pattern:
            patterns.check(self.pattern)
            patterns.check_not_empty(self.pattern)
        if self.widths and len(self.into) not in (len(self.widths), len(self.widths) + 1):
            raise StepError(
                f"split_column: {len(self.widths)} widths make as many columns, or one more for the rest"
            )
        if not self.widths and len(self.into) < 2:
            raise StepError("split_column: name at least two columns to split into")
        for new in self.into:
            made = new_column(free_name(schema, new), DType.text, Kind.text, (self.column,))
            schema = schema.insert(made)
        return schema if self.keep_source else schema.without((self.column,))

    # -- Polars -------------------------------------------------------------------------------------------
    def emit(self, out: Emitter) -> None:
        parts = self._widths() if self.widths else self._parts()
        out.with_columns(
            *(
                part.call("str.strip_chars").call("replace", "", None).call("alias", new)
                for part, new in zip(parts, self.into, strict=True)
            )
        )
        if not self.keep_source:
            out.drop((self.column,))

    def _parts(self) -> list[Code]:
        text, separator = col(self.column), self.separator
        if self.pattern:
            text, separator = text.call("str.replace_all", self.pattern, _MARK), _MARK
        split = text.call("str.splitn", separator, len(self.into))
        return [split.call("struct.field", f"field_{at}") for at in range(len(self.into))]

    def _widths(self) -> list[Code]:
        starts = [sum(self.widths[:at]) for at in range(len(self.into))]
        ends = [*self.widths, None][: len(self.into)]
        return [
            col(self.column).call("str.slice", start, *([] if width is None else [width]))
            for start, width in zip(starts, ends, strict=True)
        ]

    # -- words --------------------------------------------------------------------------------------------
    def explain(self, lang: Lang) -> str:
        names = listed(self.into, lang)
        if lang == "zh":
            how = (
                f"按“{self.separator}”"
                if self.separator
                else f"按模式 {self.pattern}"
                if self.pattern
                else "按字数"
            )
            return f"将 {self.column} {how}拆分为 {names}" + ("" if self.keep_source else "，并删除原列")
        how = (
            f"at “{self.separator}”"
            if self.separator
            else f"at {self.pattern}"
            if self.pattern
            else "by widths"
        )
        return f"split {self.column} {how} into {names}" + ("" if self.keep_source else " and drop it")

    def entitles(self) -> Loss:
        return Loss() if self.keep_source else Loss(columns=frozenset({self.column}))

    # -- reference ----------------------------------------------------------------------------------------
    def reference(self, rows: Rows, schema: Schema) -> Sequence[Row]:
        kept = self.check(schema).names
        return [
            row.set(dict(zip(self.into, self._cells(row[self.column]), strict=True))).only(kept)
            for row in rows
        ]

    def _cells(self, own: Cell) -> list[Cell]:
        text = str(own.value) if isinstance(own, Valid) else ""
        parts = self._sliced(text) if self.widths else self._cut(text)
        parts += [""] * (len(self.into) - len(parts))
        return [cell(part.strip(SPACES) or None) for part in parts]

    def _cut(self, text: str) -> list[str]:
        if self.pattern:
            return patterns.compiled(self.pattern).sub(_MARK, text).split(_MARK, len(self.into) - 1)
        return text.split(self.separator, len(self.into) - 1)

    def _sliced(self, text: str) -> list[str]:
        starts = [sum(self.widths[:at]) for at in range(len(self.into))]
        ends = [*(s + w for s, w in zip(starts, self.widths, strict=False)), None]
        return [text[start:end] for start, end in zip(starts, ends, strict=False)]


class MergeColumns(Operation):
    """Joins columns into a new text column.

    With `skip_missing` cells that are not valid are left out (all of them: missing); without it one such cell makes
    the result missing.
    """

    name = "merge_columns"
    family = "Columns"
    example: ClassVar = {
        "columns": ["省", "市"],
        "separator": "-",
        "new_name": "地区",
        "skip_missing": True,
        "keep_source": True,
    }
    columns: Names
    separator: str = Field(max_length=50)
    new_name: str
    skip_missing: bool = True
    keep_source: bool = True

    def check(self, schema: Schema) -> Schema:
        for column in require(schema, self.columns):
            check_text(column)
        made = new_column(free_name(schema, self.new_name), DType.text, Kind.text, self.columns)
        schema = schema.insert(made)
        return schema if self.keep_source else schema.without(self.columns)

    def emit(self, out: Emitter) -> None:
        texts = [as_text(col(name), out.schema[name]) for name in self.columns]
        joined = pl("concat_str", texts, separator=self.separator)
        if self.skip_missing:
            joined = pl("concat_str", texts, separator=self.separator, ignore_nulls=True)
            joined = when(
                pl("any_horizontal", *(col(name).call("is_not_null") for name in self.columns)), joined
            )
        out.with_columns(joined.call("alias", self.new_name))
        if not self.keep_source:
            out.drop(self.columns)

    def explain(self, lang: Lang) -> str:
        names = listed(self.columns, lang)
        if lang == "zh":
            tail = "" if self.keep_source else "，并删除原列"
            return f"将 {names} 用“{self.separator}”合并为 {self.new_name}{tail}"
        tail = "" if self.keep_source else " and drop them"
        return f"join {names} with “{self.separator}” into {self.new_name}{tail}"

    def entitles(self) -> Loss:
        return Loss() if self.keep_source else Loss(columns=frozenset(self.columns))

    def reference(self, rows: Rows, schema: Schema) -> Sequence[Row]:
        kept = self.check(schema).names
        return [row.set({self.new_name: self._joined(row)}).only(kept) for row in rows]

    def _joined(self, row: Row) -> Cell:
        values = [value for name in self.columns if (value := row.value(name)) is not None]
        if not values or (len(values) < len(self.columns) and not self.skip_missing):
            return cell(None)
        return Valid(self.separator.join(map(canonical, values)))
