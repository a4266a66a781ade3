"""The closed catalogue: every operation by name, and the way from a plan's JSON to an operation.

A new operation is one class and one line here; the reference page, the model's schema and the parity tests follow.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from pydantic import ValidationError

from retort_core.errors import StepError
from retort_core.plans import Step
from retort_plans.model_schema import step_schema
from retort_plans.operations import (
    answers,
    casting,
    columns,
    derived,
    duplicates,
    missing,
    numbers,
    recoding,
    rows,
    splitting,
    text,
    values,
)
from retort_plans.operations.annotations import AnnotateColumns
from retort_plans.operations.base import Operation, nearest
from retort_plans.operations.crosstabs import Crosstab
from retort_plans.operations.dates import StandardizeDate
from retort_plans.operations.regions import StandardizeRegion

OPERATIONS: Final[tuple[type[Operation], ...]] = (
    columns.SelectColumns,
    columns.DropColumns,
    columns.RenameColumns,
    columns.ReorderColumns,
    derived.DeriveColumn,
    casting.CastType,
    derived.ConditionalColumn,
    splitting.SplitColumn,
    splitting.MergeColumns,
    rows.FilterRows,
    rows.SortRows,
    duplicates.DropDuplicates,
    duplicates.MarkDuplicates,
    rows.DropMissing,
    rows.FlagRows,
    missing.NormalizeMissing,
    missing.FillMissing,
    values.ReplaceValues,
    values.MergeValues,
    values.SetValue,
    recoding.RecodeValues,
    text.TrimText,
    text.ChangeCase,
    text.ExtractText,
    StandardizeRegion,
    StandardizeDate,
    numbers.HandleOutliers,
    numbers.BinNumeric,
    AnnotateColumns,
    answers.GroupAggregate,
    answers.Describe,
    answers.ValueCounts,
    Crosstab,
    answers.Nps,
)
CATALOGUE: Final[Mapping[str, type[Operation]]] = MappingProxyType({op.name: op for op in OPERATIONS})


def json_schema(columns: Sequence[str] = (), only: Collection[str] | None = None) -> dict[str, Any]:
    """Schema of one step for a language model; see `retort_plans.model_schema`. `only`: names of operations."""
    return step_schema(OPERATIONS, columns, only)


def parse_step(step: Step) -> Operation:
    """The operation of a step; StepError says which parameter is wrong and what it needs."""
    operation = CATALOGUE.get(step.op)
    if operation is None:
        near = nearest(step.op, tuple(CATALOGUE))
        hint = f"; nearest: {', '.join(near)}" if near else ""
        raise StepError(f"there is no operation {step.op!r}{hint}", step=step.id, op=step.op)
    try:
        return operation.model_validate(step.params)
    except ValidationError as error:
        raise StepError(_first_fault(step, error), step=step.id, op=step.op) from None


def _first_fault(step: Step, error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "parameters"
    message = first["msg"].removeprefix("Value error, ")
    return f"{step.op}: {where}: {message}"
