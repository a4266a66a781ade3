"""Annotating: what columns mean, in labels, kinds, scales and codes. Codebooks and "q5 的标签是…" end here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from retort_core.errors import StepError
from retort_core.models import Model
from retort_core.plans import Lang
from retort_core.schema import Column, Kind, Scale, Schema, ValueLabel
from retort_plans.codes import code_text, declare, is_code, mark_codes
from retort_plans.emission import Emitter
from retort_plans.literals import scalar_text
from retort_plans.operations.base import Loss, Operation, Scalar, require
from retort_plans.reference import MISSING, Row, Rows
from retort_plans.wording import listed

_NUMERIC_KINDS = (Kind.scale, Kind.numeric, Kind.weight)


class Label(Model):
    """A value and what it means."""

    value: Scalar
    label: str = Field(default="", max_length=500)


class Change(Model):
    """What is said about one column; what is left out stays as it is."""

    column: str
    label: str | None = Field(default=None, max_length=2000)
    kind: Kind | None = None
    scale: Scale | None = None
    value_labels: tuple[Label, ...] | None = Field(default=None, max_length=5000)
    missing_codes: tuple[Label, ...] | None = Field(default=None, max_length=200)
    group: str | None = Field(default=None, max_length=200)
    separator: str | None = Field(default=None, max_length=10)

    def apply(self, column: Column) -> Column:
        """`column` as annotated. Labels and codes given replace those of the same values."""
        given = {k: v for k in ("label", "kind", "group", "separator") if (v := getattr(self, k)) is not None}
        column = column.with_(**given, scale=self.scale or column.scale)
        if self.scale is not None and self.kind is None:
            column = column.with_(kind=Kind.scale)
        if self.value_labels is not None:
            column = column.with_(value_labels=self._labels(column))
        if self.missing_codes is not None:
            column = declare(column, [(scalar_text(code.value), code.label) for code in self.missing_codes])
        return column

    def _labels(self, column: Column) -> tuple[ValueLabel, ...]:
        labels = {label.value: label.label for label in column.value_labels}
        for label in self.value_labels or ():
            labels[code_text(scalar_text(label.value), column)] = label.label
        return tuple(ValueLabel(value=value, label=label) for value, label in labels.items())

    @property
    def codes(self) -> list[str]:
        return [scalar_text(code.value) for code in self.missing_codes or ()]


class AnnotateColumns(Operation):
    """Says what columns mean: label, kind, scale, value labels, missing codes, group, separator of several answers.

    Changes no value; only cells of newly declared missing codes become missing.
    """

    name = "annotate_columns"
    family = "Schema"
    example: ClassVar = {"changes": [{"column": "q5", "label": "总体满意度"}]}
    changes: tuple[Change, ...] = Field(min_length=1, max_length=2000)

    def check(self, schema: Schema) -> Schema:
        for change, column in zip(self.changes, require(schema, self._names), strict=True):
            annotated = change.apply(column)
            _check_kind(annotated)
            schema = schema.replace(annotated)
        return schema

    @property
    def _names(self) -> list[str]:
        return [change.column for change in self.changes]

    def emit(self, out: Emitter) -> None:
        coded = [change for change in self.changes if change.codes]
        out.with_columns(*(entry for c in coded for entry in mark_codes(out, c.column, c.codes)))

    def explain(self, lang: Lang) -> str:
        if len(self.changes) == 1 and self.changes[0].label is not None:
            change = self.changes[0]
            if lang == "zh":
                return f"{change.column} 的标签设为“{change.label}”"
            return f"label {change.column} “{change.label}”"
        names = listed(self._names, lang)
        return f"补充 {names} 的说明" if lang == "zh" else f"annotate the columns {names}"

    def entitles(self) -> Loss:
        return Loss(cells=frozenset(change.column for change in self.changes if change.codes))

    def reference(self, rows: Rows, schema: Schema) -> Sequence[Row]:
        coded = {change.column: change.codes for change in self.changes if change.codes}
        return [
            row.set(
                {name: MISSING for name, codes in coded.items() if is_code(row[name], schema[name], codes)}
            )
            for row in rows
        ]


def fitting(changes: Sequence[Change], schema: Schema) -> tuple[list[Change], list[StepError]]:
    """The changes of a codebook as far as they fit the columns, and why the rest does not.

    A type or scale that a column cannot have costs that column its type and scale, never its labels.
    """
    kept: list[Change] = []
    misfits: list[StepError] = []
    for change in changes:
        column = schema.find(change.column)
        if column is not None:
            fit, misfit = _fit(change, column)
            kept += [fit] if fit is not None else []
            misfits += [misfit] if misfit is not None else []
    return kept, misfits


def _fit(change: Change, column: Column) -> tuple[Change | None, StepError | None]:
    """The change, or what of it fits, and the first reason why not all of it does."""
    bare = change.model_copy(update={"kind": None, "scale": None})
    reason: StepError | None = None
    for attempt in (change, bare, bare.model_copy(update={"missing_codes": None})):
        try:
            _check_kind(attempt.apply(column))
        except StepError as misfit:
            reason = reason or misfit
        else:
            return attempt, reason
    return None, reason


def _check_kind(column: Column) -> None:
    if column.kind in _NUMERIC_KINDS and not column.dtype.numeric:
        raise StepError(
            f"column {column.name!r} is {column.dtype.value}, so it cannot be a {column.kind.value}; "
            "convert it first with cast_type",
            column=column.name,
        )
    if column.kind is Kind.date and not column.dtype.temporal:
        raise StepError(f"column {column.name!r} is {column.dtype.value}, not a date", column=column.name)
    if column.kind is Kind.scale and column.scale is None:
        raise StepError(f"column {column.name!r}: a scale needs its ends, such as 1 to 5", column=column.name)
    if column.scale is not None and column.scale.min >= column.scale.max:
        raise StepError(f"column {column.name!r}: the scale's min must be below its max", column=column.name)
