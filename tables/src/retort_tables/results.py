"""Does a run's result fit what was foretold? Row ids, columns and types, before anything is taken over.

A *carried* result comes from an emitted script: `__row_id` is a subset of the base's ids, columns and types are those
of the simulation. Columns that it says are the same as before are not in it; they are taken from the base. An *aligned* one comes from a person's script: no hidden columns, a schema derived from what came.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from retort_core.cells import INVALID_SUFFIX, ROW_ID, companion, is_hidden
from retort_core.errors import DataError
from retort_core.schema import Column, DType, Kind, Origin, Schema
from retort_tables.alignment import Positions, places
from retort_tables.layout import physical
from retort_tables.snapshots.port import Snapshot

_KINDS: Final[Mapping[DType, Kind]] = {
    DType.text: Kind.text,
    DType.integer: Kind.numeric,
    DType.number: Kind.numeric,
    DType.decimal: Kind.numeric,
    DType.boolean: Kind.single,
    DType.date: Kind.date,
    DType.datetime: Kind.date,
    DType.duration: Kind.duration,
}


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A checked result: `table` has `__row_id` and the columns of `schema`; `raw`: texts of invalid cells by name;
    `broken`: places of numbers that were not finite, now null, by name. `same`: names of columns that were taken from
    the base."""

    schema: Schema
    table: pl.DataFrame
    raw: Mapping[str, pl.Series]
    broken: Mapping[str, pl.Series]
    same: frozenset[str] = frozenset()


def fit_carried(
    result: pl.DataFrame, expected: Schema, base: Snapshot, same: frozenset[str] = frozenset()
) -> Fitted:
    """The result of an emitted script, against the simulated schema. `same`: names of columns that it left out because
    they are the base's."""
    own = base.table.get_column(ROW_ID)
    ids = _row_ids(result, own)
    _columns(result, expected, same)
    came = {c.name: _cast(result.get_column(c.name), c) for c in expected.columns if c.name not in same}
    finite, broken = _finite(came)
    at = None if ids.len() == own.len() and ids.equals(own) else places(own.to_numpy(), ids.to_numpy())
    kept = _taken(base, [c for c in expected.columns if c.name in same], at)
    raw = {name: result.get_column(companion(name)) for name in finite if companion(name) in result.columns}
    table = pl.DataFrame([ids, *({**finite, **kept}[name] for name in expected.names)])
    return Fitted(schema=expected, table=table, raw=raw, broken=broken, same=same)


def _taken(base: Snapshot, columns: Sequence[Column], at: Positions | None) -> dict[str, pl.Series]:
    """Columns of the base under their new names, in the rows of the result."""
    sources = {}
    for column in columns:
        before = base.schema.by_id(column.id)
        if before is None or (before.dtype, before.digits) != (column.dtype, column.digits):
            raise DataError(
                f"The result says that column {column.name!r} is as it was, but the base version has no such column.",
                column=column.name,
            )
        sources[column.name] = before.name
    table = base.table
    if at is not None and sources:
        table = table.select(pl.col(dict.fromkeys(sources.values())).gather(pl.Series(at)))
    return {name: table.get_column(before).alias(name) for name, before in sources.items()}


def fit_aligned(result: pl.DataFrame, base: Schema, salt: str) -> Fitted:
    """The result of a person's script; row ids are still to be found, so the table has none."""
    for name in result.columns:
        if is_hidden(name):
            raise DataError(
                f"The result has a column named {name[:50]!r}. Names that are {ROW_ID} or end with {INVALID_SUFFIX} "
                "are reserved; rename it in the script.",
                column=name[:200],
            )
    if not result.columns:
        raise DataError("The result has no columns. Return a table from run(), not an empty frame.")
    columns = [_derived(result.get_column(name), base, salt) for name in result.columns]
    schema = Schema(columns=tuple(columns))
    finite, broken = _finite({c.name: _cast(result.get_column(c.name), c) for c in columns})
    return Fitted(schema=schema, table=pl.DataFrame(list(finite.values())), raw={}, broken=broken)


def dtype_of(values: pl.Series) -> tuple[DType, int]:
    """What a decoded column is in a schema: its type, and the decimals of a decimal."""
    if isinstance(values.dtype, pl.Decimal):
        return DType.decimal, values.dtype.scale
    for dtype in DType:
        if dtype is not DType.decimal and values.dtype == physical(
            Column(id="", name="", dtype=dtype, kind=Kind.text)
        ):
            return dtype, 0
    return DType.text, 0  # only Null is left: a column without any value


def new_column(values: pl.Series, salt: str, op: str) -> Column:
    """A column that a script made, as its values tell; its id depends on `salt` and the name alone."""
    dtype, digits = dtype_of(values)
    column_id = "c_" + hashlib.sha256(f"{salt}\n{values.name}".encode()).hexdigest()[:12]
    return Column(
        id=column_id, name=values.name, dtype=dtype, digits=digits, kind=_KINDS[dtype], origin=Origin(op=op)
    )


def _row_ids(result: pl.DataFrame, base_ids: pl.Series) -> pl.Series:
    if ROW_ID not in result.columns:
        raise DataError(f"The result lost its row ids: column {ROW_ID} is missing.", column=ROW_ID)
    ids = result.get_column(ROW_ID)
    if ids.dtype != pl.Int64 or ids.null_count():
        raise DataError(
            f"The result's row ids are not whole numbers in every row ({ids.dtype}).", column=ROW_ID
        )
    if len(ids) == len(base_ids) and ids.equals(base_ids):
        return ids
    numbers = np.sort(ids.to_numpy())
    if len(numbers) > 1 and bool((numbers[1:] == numbers[:-1]).any()):
        raise DataError("The result holds a row id twice: a step repeated rows.", column=ROW_ID)
    known = np.isin(numbers, base_ids.to_numpy(), assume_unique=True)
    if not known.all():
        raise DataError(
            f"The result holds {int((~known).sum()):,} row ids that the base version does not have.",
            column=ROW_ID,
        )
    return ids


def _columns(result: pl.DataFrame, expected: Schema, same: frozenset[str]) -> None:
    """Exactly the columns that were foretold, but for the `same` ones; companions only of those."""
    awaited = [name for name in expected.names if name not in same]
    allowed = {ROW_ID, *awaited, *(companion(name) for name in awaited)}
    lacking = [name for name in awaited if name not in result.columns]
    surplus = [name for name in result.columns if name not in allowed] + sorted(same - set(expected.names))
    if lacking or surplus:
        parts = [f"missing: {_listed(lacking)}"] * bool(lacking) + [
            f"not foretold: {_listed(surplus)}"
        ] * bool(surplus)
        raise DataError(
            f"The result's columns are not those the plan foretells ({'; '.join(parts)}).",
            missing=lacking[:50],
            surplus=surplus[:50],
        )
    for name in awaited:
        if companion(name) in result.columns and result.get_column(companion(name)).dtype not in (
            pl.String,
            pl.Null,
        ):
            raise DataError(f"Column {companion(name)!r} of the result is not text.", column=companion(name))


def _cast(values: pl.Series, column: Column) -> pl.Series:
    target = physical(column)
    if values.dtype == target:
        return values
    if values.dtype == pl.Null:
        return values.cast(target)
    raise DataError(
        f"Column {column.name!r} of the result holds {values.dtype}, but the plan foretells {column.dtype}"
        + (f" with {column.digits} decimals" if column.dtype is DType.decimal else "")
        + ".",
        column=column.name,
        expected=str(column.dtype),
        found=str(values.dtype),
    )


def _finite(columns: Mapping[str, pl.Series]) -> tuple[dict[str, pl.Series], dict[str, pl.Series]]:
    """Numbers that are not finite (a division by zero) become null; where they stood."""
    out, broken = dict(columns), {}
    for name, values in columns.items():
        if values.dtype == pl.Float64:
            bad = ~values.is_finite()
            if bad.any():
                broken[name] = bad.arg_true()
                out[name] = values.set(bad.fill_null(value=False), None)
    return out, broken


def _derived(values: pl.Series, base: Schema, salt: str) -> Column:
    """A column of the same name stays itself (a new type may need a new kind); any other is new."""
    before = base.find(values.name)
    if before is None:
        return new_column(values, salt, "script")
    if values.dtype == pl.Null:
        return before
    dtype, digits = dtype_of(values)
    if (dtype, digits) == (before.dtype, before.digits):
        return before
    return before.with_(dtype=dtype, digits=digits, kind=_kind(dtype, before.kind))


def _kind(dtype: DType, kind: Kind) -> Kind:
    """`kind`, unless the new type cannot be it."""
    needs_date = kind is Kind.date
    needs_number = kind in (Kind.numeric, Kind.scale, Kind.weight, Kind.duration)
    fits = (
        dtype.temporal
        if needs_date
        else (not dtype.temporal and (dtype is not DType.text or not needs_number))
    )
    return kind if fits else _KINDS[dtype]


def _listed(names: list[str]) -> str:
    shown = ", ".join(repr(name[:50]) for name in names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"
