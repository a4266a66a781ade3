"""Findings of the quality report: stable codes with the figures that a sentence about them needs.

code              what it says                                            details
mostly_missing    at least 95 % of the cells are missing                  share
constant          one value only                                          value
invalid_cells     cells that do not fit the type, raw text kept           values
mixed_dates       several date formats, or an order that must be asked    forms, order, ambiguous
out_of_range_age  ages below 0 or above 120                               values
out_of_scale      answers outside the scale that are no usual code        values, min, max
proposed_codes    values that look like codes for a missing answer        values
duplicate_ids     an id in more than one row                              groups, identical, conflicting
duplicate_rows    rows that are equal as a whole                          groups, ids_ignored
rounded_ids       ids with 16 and more digits that a spreadsheet rounded  values
spaces            surrounding, doubled or invisible spaces                -
mojibake          text decoded with the wrong encoding                    -
near_duplicates   spellings that differ in case, width, spaces or marks   groups
mostly_zero       at least 90 % of the valid numbers are 0                share
not_numbers       amounts with a unit, currency or percent sign           values
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from retort_core.profiles import ColumnProfile, Duplicates, Finding
from retort_core.schema import Column, DType, Kind, Schema
from retort_tables.columns import hints
from retort_tables.columns.tallies import Tally

MOSTLY: Final = 0.95
AGES: Final = (0, 120)
_SHOWN: Final = 10
_ROUNDED: Final = re.compile(r"^[1-9][0-9]{11,}0{3,}$|^[0-9]\.[0-9]+[eE]\+1[1-9]$")
_AMOUNT: Final = re.compile(
    r"^[¥￥$€£]?\s*-?[0-9][0-9,]*(\.[0-9]+)?\s*(%|元|万|亿|万元|岁|分|个|次|kg|cm|m|￥|¥)?$"
)
_SUFFIXES: Final = ("特别行政区", "自治区", "自治州", "省", "市", "区", "县")


def findings(
    schema: Schema,
    columns: Sequence[ColumnProfile],
    repeats: Sequence[Duplicates],
    tallies: Mapping[str, Tally],
) -> tuple[Finding, ...]:
    """Findings in order of columns, then of the table. `tallies` may count a column when it is asked for."""
    found: list[Finding] = []
    for column, profile in zip(schema.columns, columns, strict=True):
        found += _of_column(column, profile, tallies)
    ids = {column.id for column in schema.columns if column.kind is Kind.id}
    return (*found, *_of_table(repeats, ids))


def _of_column(column: Column, profile: ColumnProfile, tallies: Mapping[str, Tally]) -> Iterator[Finding]:
    yield from _emptiness(column, profile)
    if profile.invalid:
        values = [value.value for value in profile.invalid_values[:_SHOWN]]
        yield Finding(
            code="invalid_cells", column=column.id, count=profile.invalid, details={"values": [*values]}
        )
    yield from _dates(column, profile)
    yield from _numbers(column, profile, tallies)
    if profile.proposed_codes:
        yield Finding(
            code="proposed_codes",
            column=column.id,
            severity="info",
            count=sum(code.count for code in profile.proposed_codes),
            details={"values": [code.value for code in profile.proposed_codes]},
        )
    yield from _texts(column, profile, tallies)


def _emptiness(column: Column, profile: ColumnProfile) -> Iterator[Finding]:
    share = profile.missing / profile.rows if profile.rows else 0.0
    if round(share, 2) >= MOSTLY:  # as it is shown: 94.96 % reads 95 %
        yield Finding(
            code="mostly_missing", column=column.id, count=profile.missing, details={"share": share}
        )
    elif profile.distinct == 1 and profile.valid > 1:
        value = profile.values[0].value
        yield Finding(
            code="constant", column=column.id, severity="info", count=profile.valid, details={"value": value}
        )


def _dates(column: Column, profile: ColumnProfile) -> Iterator[Finding]:
    dates = profile.dates
    if dates is None or (len(dates.forms) < 2 and dates.order not in {"conflict", "ambiguous"}):
        return
    yield Finding(
        code="mixed_dates",
        column=column.id,
        count=sum(dates.forms.values()),
        details={"forms": {**dates.forms}, "order": dates.order, "ambiguous": dates.ambiguous},
    )


def _numbers(column: Column, profile: ColumnProfile, tallies: Mapping[str, Tally]) -> Iterator[Finding]:
    if not column.dtype.numeric or not profile.valid or column.kind is Kind.id:
        return
    tally = tallies[column.id]
    if tally.keys is None:
        return
    proposed = [float(code.value) for code in profile.proposed_codes]
    if hints.AGE.search(f"{column.name} {column.label}"):
        yield from _outside(column, tally, AGES, "out_of_range_age", proposed)
    elif column.scale is not None:
        yield from _outside(column, tally, (column.scale.min, column.scale.max), "out_of_scale", proposed)
    zeros = int(tally.counts[tally.keys == 0].sum())
    if tally.distinct > 2 and zeros >= 0.9 * profile.valid:
        share = zeros / profile.valid
        yield Finding(
            code="mostly_zero", column=column.id, severity="info", count=zeros, details={"share": share}
        )


def _outside(
    column: Column, tally: Tally, ends: tuple[int, int], code: str, proposed: list[float]
) -> Iterator[Finding]:
    """Values beyond the ends; codes are proposed elsewhere."""
    keys = tally.keys if tally.keys is not None else np.empty(0)
    unit = 10.0**-column.digits if column.dtype is DType.decimal else 1.0
    values = keys * unit
    odd = ((values < ends[0]) | (values > ends[1])) & ~np.isin(values, proposed)
    if not odd.any():
        return
    at = np.flatnonzero(odd)
    shown = [float(value) if value % 1 else int(value) for value in values[at][:_SHOWN]]
    yield Finding(
        code=code,
        column=column.id,
        count=int(tally.counts[at].sum()),
        details={"values": [*shown], "min": ends[0], "max": ends[1]},
    )


def _texts(column: Column, profile: ColumnProfile, tallies: Mapping[str, Tally]) -> Iterator[Finding]:
    if profile.spaces:
        yield Finding(code="spaces", column=column.id, severity="info", count=profile.spaces)
    if profile.mojibake:
        yield Finding(code="mojibake", column=column.id, count=profile.mojibake)
    if column.dtype is not DType.text or not profile.valid:
        return
    texts = [(value.value, value.count) for value in profile.values]
    if column.kind is Kind.id:
        yield from _matching(column, "rounded_ids", texts, _ROUNDED, at_least=1)
    elif column.kind in (Kind.single, Kind.text):
        yield from _matching(column, "not_numbers", texts, _AMOUNT, at_least=0.9 * profile.valid)
    if column.kind is Kind.single and (profile.complete or tallies[column.id].complete):
        yield from _near(column, texts)


def _matching(
    column: Column, code: str, texts: list[tuple[str, int]], pattern: re.Pattern[str], at_least: float
) -> Iterator[Finding]:
    matching = [(text, rows) for text, rows in texts if pattern.match(text)]
    rows = sum(count for _, count in matching)
    if rows and rows >= at_least:
        shown = [text for text, _ in matching[:_SHOWN]]
        yield Finding(code=code, column=column.id, count=rows, details={"values": [*shown]})


def _near(column: Column, texts: list[tuple[str, int]]) -> Iterator[Finding]:
    groups: dict[str, list[tuple[str, int]]] = {}
    for text, rows in texts:
        groups.setdefault(fingerprint(text), []).append((text, rows))
    near = [group for key, group in groups.items() if key and len(group) > 1]
    if near:
        surplus = sum(rows for group in near for _, rows in group[1:])
        shown = [[text for text, _ in group] for group in near[:_SHOWN]]
        yield Finding(code="near_duplicates", column=column.id, count=surplus, details={"groups": [*shown]})


def fingerprint(text: str) -> str:
    """Key under which spellings of one thing meet: case, width, spaces, marks, word order, 省/市/区 at the end.

    Only a hint: 满意 and 不满意 never meet, 北京 and 北京市 do.
    """
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    plain = "".join(char for char in folded if not unicodedata.combining(char))
    words = sorted(set(re.split(r"[\W_]+", plain)) - {""})
    joined = "".join(words) if len(words) < 2 else " ".join(words)
    for suffix in _SUFFIXES:
        if joined.endswith(suffix) and len(joined) - len(suffix) >= 2:
            return joined.removesuffix(suffix)
    return joined


def _of_table(repeats: Sequence[Duplicates], ids: set[str]) -> Iterator[Finding]:
    for item in repeats:
        details = {"groups": item.groups, "identical": item.identical, "conflicting": item.conflicting}
        if len(item.columns) == 1 and item.columns[0] in ids:
            yield Finding(
                code="duplicate_ids",
                column=item.columns[0],
                count=item.identical + item.conflicting,
                details={**details},
            )
        else:
            ignored = bool(ids) and not ids & set(item.columns)
            severity = "info" if ignored else "warning"
            yield Finding(
                code="duplicate_rows",
                severity=severity,
                count=item.identical,
                details={"groups": item.groups, "ids_ignored": ignored},
            )
