"""Dates in many spellings brought to one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from retort_core.cells import companion
from retort_core.plans import Lang
from retort_core.schema import Column, DType, Kind, Schema
from retort_plans import daywords
from retort_plans.daywords import Order
from retort_plans.dtypes import polars_type
from retort_plans.emission import Emitter
from retort_plans.operations.base import TEXT, Loss, Names, Operation, require, require_dtype
from retort_plans.reference import Cell, Invalid, Missing, Row, Rows, Valid
from retort_plans.syntax import Code, col, pl, pl_name, when
from retort_plans.wording import listed


class StandardizeDate(Operation):
    """Reads dates in any usual spelling into a date column.

    With `order: auto` the column votes: only first parts above 12 mean day first, only second parts above 12 mean
    month first. When both or neither occur, cells that read two ways stay as they are, invalid with their raw text,
    as does whatever is no date or has a time of day.
    """

    name = "standardize_date"
    family = "Standards"
    example: ClassVar = {"columns": ["提交日期"], "order": "auto"}
    columns: Names
    order: Literal["auto", "day_first", "month_first"] = "auto"

    def check(self, schema: Schema) -> Schema:
        for column in require(schema, self.columns):
            if not column.dtype.temporal:
                require_dtype(column, TEXT, "dates are read from text")
                schema = schema.replace(column.with_(dtype=DType.date, kind=Kind.date, scale=None))
        return schema

    @property
    def _order(self) -> Order:
        return "" if self.order == "auto" else self.order

    def emit(self, out: Emitter) -> None:
        columns = [out.schema[column] for column in self.columns]
        entries = [entry for column in columns for entry in self._entries(out, column)]
        out.with_columns(*entries)

    def _source(self, out: Emitter, column: Column) -> Code | None:
        """The texts to read: the column's own, and raw texts of its invalid cells."""
        raw = col(companion(column.name)) if column.name in out.invalid else None
        if column.dtype.temporal:
            return raw
        return col(column.name) if raw is None else pl("coalesce", col(column.name), raw)

    def _entries(self, out: Emitter, column: Column) -> list[Code]:
        source = self._source(out, column)
        if source is None:
            return []  # already dates, and nothing invalid
        spelt = self._spelt(out, source, self._suffix(column))
        known = (spelt.call("get_column", "text"), spelt.call("get_column", "date"))
        date = source.call("replace_strict", *known, default=None, return_dtype=pl_name("Date"))
        if column.dtype.temporal:
            date = pl("coalesce", col(column.name), date.call("cast", polars_type(column)))
        entries = [date.call("alias", column.name)]
        if out.row_ids:
            out.invalid |= {column.name}
            entries.append(when(date.call("is_null"), source).call("alias", companion(column.name)))
        return entries

    def _suffix(self, column: Column) -> str:
        """Each column has its own spellings and votes."""
        return f"_{self.columns.index(column.name) + 1}" if len(self.columns) > 1 else ""

    def _spelt(self, out: Emitter, source: Code, suffix: str) -> Code:
        """The distinct spellings with their dates: a column of a million dates has a few thousand spellings."""
        plain = daywords.rewritten(col("text")).call("alias", "plain")
        texts = out.frame().call("select", source.call("alias", "text")).call("unique").call("drop_nulls")
        spelt = out.assign("spellings" + suffix, texts.call("with_columns", plain))
        text = col("plain")
        date = daywords.parsed(text, self._order) if self._order else self._voted(out, spelt, suffix)
        return out.assign("spellings" + suffix, spelt.call("with_columns", date.call("alias", "date")))

    def _voted(self, out: Emitter, spelt: Code, suffix: str) -> Code:
        """The order by vote of the spellings of day/month form, decided when the script runs: only a date votes."""
        text = col("plain")
        day, month = daywords.day_first(text), daywords.month_first(text)
        ballots = {
            "day_first": day.call("is_not_null") & month.call("is_null"),
            "month_first": month.call("is_not_null") & day.call("is_null"),
        }
        votes = {
            order: pl(
                "lit", out.assign(order + suffix, spelt.call("select", ballot.call("any")).call("item"))
            )
            for order, ballot in ballots.items()
        }
        chosen = (
            when(votes["day_first"] & ~votes["month_first"], day)
            .call("when", votes["month_first"] & ~votes["day_first"])
            .call("then", month)
            .call("otherwise", daywords.one_way(text))
        )
        return pl("coalesce", *daywords.certain(text), chosen)

    def explain(self, lang: Lang) -> str:
        names = listed(self.columns, lang)
        if lang == "zh":
            tail = {"auto": "日月顺序由该列投票", "day_first": "日在前", "month_first": "月在前"}[self.order]
            return f"将 {names} 统一为日期（{tail}）"
        tail = {"auto": "day/month order by vote", "day_first": "day first", "month_first": "month first"}[
            self.order
        ]
        return f"bring {names} to dates ({tail})"

    def entitles(self) -> Loss:
        return Loss(cells=frozenset(self.columns))

    def reference(self, rows: Rows, schema: Schema) -> Sequence[Row]:
        made = list(rows)
        for column in require(schema, self.columns):
            order = self._order or self._reference_vote([row[column.name] for row in rows])
            made = [row.set({column.name: self._read(row[column.name], order)}) for row in made]
        return made

    @staticmethod
    def _reference_vote(cells: Sequence[Cell]) -> Order:
        texts = [text for cell in cells if (text := _text(cell)) is not None]
        numbers = [found for text in texts if (found := daywords.parts(text))]
        readings = [(daywords.exists(n[2], n[1], n[0]), daywords.exists(n[2], n[0], n[1])) for n in numbers]
        day, month = (True, False) in readings, (False, True) in readings
        if day == month:
            return ""
        return "day_first" if day else "month_first"

    @staticmethod
    def _read(cell: Cell, order: Order) -> Cell:
        text = _text(cell)
        if text is None:
            return cell
        found = daywords.parse(text, order)
        return Invalid(text) if found is None else Valid(found)


def _text(cell: Cell) -> str | None:
    """The text a cell holds, valid or raw; None for dates and missing cells."""
    match cell:
        case Missing():
            return None
        case Invalid():
            return cell.raw
    return cell.value if isinstance(cell.value, str) else None
