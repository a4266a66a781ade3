"""Recoding: exchanging the codes of an answer, in place or into a new column, with its labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from retort_core.errors import StepError
from retort_core.plans import Lang
from retort_core.schema import Column, DType, Kind, Origin, Scale, Schema, ValueLabel
from retort_plans.dtypes import polars_type
from retort_plans.emission import Emitter
from retort_plans.exchange import chosen, compared
from retort_plans.inference import dtype_of
from retort_plans.literals import stored
from retort_plans.operations.base import DEFAULT_KIND, Loss, Operation, free_name, need
from retort_plans.operations.values import Pairs
from retort_plans.reference import MISSING, Cell, Row, Rows, Valid, Value, canonical, cell, compared_text
from retort_plans.syntax import col
from retort_plans.textual import as_text, check_text
from retort_plans.wording import pairs, shown

_CODED = (Kind.single, Kind.scale, Kind.multi)


class RecodeValues(Operation):
    """Recodes the values of a column, in place or into `new_name`; labels follow their values.

    Values without a pair stay (`otherwise: keep`) or become missing. With `missing` the column takes the type of the
    new values; with `keep` it stays of its type, or becomes text where the new values do not fit.
    """

    name = "recode_values"
    family = "Values"
    example: ClassVar = {
        "column": "q1",
        "mapping": [{"from": 1, "to": 5}, {"from": 2, "to": 4}, {"from": 4, "to": 2}, {"from": 5, "to": 1}],
        "new_name": "q1_反向",
        "otherwise": "keep",
    }
    column: str
    mapping: Pairs
    new_name: str = ""
    otherwise: Literal["keep", "missing"] = "keep"

    # -- schema -------------------------------------------------------------------------------------------
    def check(self, schema: Schema) -> Schema:
        column = need(schema, self.column)
        made = self._made(column)
        values = self._values(column)
        if len(values) < len(self.mapping):
            raise StepError(
                f"a value of column {column.name!r} is recoded twice; name it once", column=column.name
            )
        made = made.with_(value_labels=self._labels(column, values), scale=self._scale(column, values))
        if not self.new_name:
            return schema.replace(made)
        free_name(schema, self.new_name)
        return schema.insert(made.with_(id="", origin=Origin(op="", sources=(column.name,))))

    def _made(self, column: Column) -> Column:
        dtype = self._dtype(column)
        kind = column.kind if dtype is column.dtype or column.kind in _CODED else DEFAULT_KIND[dtype]
        if dtype is DType.text:
            kind = Kind.single if kind in (Kind.scale, Kind.text) else kind
            check_text(column)
        return column.with_(
            name=self.new_name or column.name, dtype=dtype, kind=kind, value_labels=(), scale=None
        )

    def _dtype(self, column: Column) -> DType:
        news = dtype_of(pair.to for pair in self.mapping)
        if all(pair.to is None for pair in self.mapping) or news is column.dtype:
            return column.dtype
        if self.otherwise == "missing":
            return news
        fits = column.dtype in (DType.text, DType.number, DType.decimal) and news is not DType.boolean
        fits = fits and (news is not DType.text or column.dtype is DType.text)
        return column.dtype if fits else DType.text

    def _values(self, column: Column) -> dict[Value, Value | None]:
        """What becomes what."""
        made = self._made(column)
        olds = (stored(pair.from_, column) for pair in self.mapping)
        keys = (compared_text(old) if isinstance(old, str) else old for old in olds)
        return {
            key: None if pair.to is None else stored(pair.to, made)
            for key, pair in zip(keys, self.mapping, strict=True)
        }

    def _labels(self, column: Column, values: dict[Value, Value | None]) -> tuple[ValueLabel, ...]:
        """Labels of the new values: of the one value that became it, or of the value that stayed."""
        moved = {canonical(old): None if new is None else canonical(new) for old, new in values.items()}
        labels: dict[str, set[str]] = {}
        for label in column.value_labels:
            target = moved.get(label.value, label.value if self.otherwise == "keep" else None)
            if target is not None:
                labels.setdefault(target, set()).add(label.label)
        return tuple(ValueLabel(value=v, label=min(found)) for v, found in labels.items() if len(found) == 1)

    def _scale(self, column: Column, values: dict[Value, Value | None]) -> Scale | None:
        """The scale stays when every new value is a point of it; turning it around turns its direction."""
        scale = column.scale
        points = {new for new in values.values() if new is not None}
        if scale is None or self._dtype(column) is DType.text:
            return None
        if any(isinstance(p, str) or not scale.min <= p <= scale.max for p in points):  # type: ignore[operator]
            return None
        whole = {point: values.get(point, point) for point in range(scale.min, scale.max + 1)}
        if all(new == scale.min + scale.max - old for old, new in whole.items()):
            turned = "descending" if scale.direction == "ascending" else "ascending"
            return Scale.model_validate({**dict(scale), "direction": turned})
        return scale

    # -- Polars -------------------------------------------------------------------------------------------
    def emit(self, out: Emitter) -> None:
        column = out.schema[self.column]
        made = self._made(column)
        kept = None
        if self.otherwise == "keep":
            same = made.dtype is column.dtype
            kept = col(column.name) if same else as_text(col(column.name), column)
        value = chosen(compared(out, column), self._values(column), kept, polars_type(made))
        if self.otherwise == "missing":
            out.with_columns(*out.cells(made.name, value))
        else:  # only valid cells have a pair, so no mark changes
            out.with_columns(value.call("alias", made.name))

    # -- words --------------------------------------------------------------------------------------------
    def explain(self, lang: Lang) -> str:
        changes = pairs(((shown(p.from_, lang), shown(p.to, lang)) for p in self.mapping), lang)
        if lang == "zh":
            where = f"，写入新列 {self.new_name}" if self.new_name else ""
            return f"重新编码 {self.column}：{changes}{where}" + (
                "，其余设为空" if self.otherwise == "missing" else ""
            )
        where = f" into the new column {self.new_name}" if self.new_name else ""
        return f"recode {self.column}{where}: {changes}" + (
            ", all else missing" if self.otherwise == "missing" else ""
        )

    def entitles(self) -> Loss:
        return Loss() if self.new_name else Loss(cells=frozenset({self.column}))

    # -- reference ----------------------------------------------------------------------------------------
    def reference(self, rows: Rows, schema: Schema) -> Sequence[Row]:
        column = schema[self.column]
        made, values = self._made(column), self._values(column)
        return [row.set({made.name: self._recoded(row[column.name], made, column, values)}) for row in rows]

    def _recoded(self, own: Cell, made: Column, column: Column, values: dict[Value, Value | None]) -> Cell:
        if not isinstance(own, Valid):
            return own if self.otherwise == "keep" and not self.new_name else MISSING
        key = compared_text(own.value) if isinstance(own.value, str) else own.value
        if key in values:
            return cell(values[key])
        if self.otherwise == "missing":
            return MISSING
        return own if made.dtype is column.dtype else Valid(canonical(own.value))
