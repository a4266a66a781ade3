"""Schema: what every column of a version is, from the first commit on (hashed, diffed, merged, kept)."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Literal, Self

from pydantic import Field

from retort_core.models import Model


class Kind(StrEnum):
    """What a column means to a survey desk."""

    id = "id"
    single = "single"
    multi = "multi"
    scale = "scale"
    numeric = "numeric"
    date = "date"
    text = "text"
    weight = "weight"
    duration = "duration"


class DType(StrEnum):
    """How valid cells are stored. Physical (Polars) types: String, Int64, Float64, Decimal(38, digits), Boolean, Date, Datetime('us'), Duration('us')."""

    text = "text"
    integer = "integer"
    number = "number"
    decimal = "decimal"
    boolean = "boolean"
    date = "date"
    datetime = "datetime"
    duration = "duration"

    @property
    def numeric(self) -> bool:
        return self in (DType.integer, DType.number, DType.decimal)

    @property
    def temporal(self) -> bool:
        return self in (DType.date, DType.datetime)


class Scale(Model):
    """Answer points from `min` to `max`; `ascending`: the highest number is the best answer."""

    min: int
    max: int
    direction: Literal["ascending", "descending"] = "ascending"


class ValueLabel(Model):
    """`value` is the canonical text of the stored value: "1", "2.5", "男"."""

    value: str
    label: str


class MissingCode(Model):
    """A declared code (or token) that means a missing answer; `label` is its reason: refused, don't know."""

    value: str
    label: str = ""


class Origin(Model):
    """Which step made the column: the file (`op="import"`) or a step of a plan."""

    op: str = "import"
    step: str = ""
    sources: tuple[str, ...] = ()


class Column(Model):
    """One column. `id` is stable through renames and moves; names are unique within a schema."""

    id: str
    name: str
    dtype: DType
    kind: Kind
    label: str = ""
    digits: int = 0  # decimals of DType.decimal
    scale: Scale | None = None
    separator: str = ""  # of a multi-answer cell such as 1;2;3;
    value_labels: tuple[ValueLabel, ...] = ()
    missing_codes: tuple[MissingCode, ...] = ()
    group: str = ""  # a grid (Q5) or a multi-answer set this column belongs to
    origin: Origin = Field(default_factory=Origin)

    def with_(self, **changes: object) -> Self:
        """A copy with `changes`, validated."""
        return type(self).model_validate({**dict(self), **changes})


class Schema(Model):
    """Columns in displayed order."""

    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def find(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name == name), None)

    def __getitem__(self, name: str) -> Column:
        column = self.find(name)
        if column is None:
            raise KeyError(name)
        return column

    def by_id(self, column_id: str) -> Column | None:
        return next((column for column in self.columns if column.id == column_id), None)

    def replace(self, *changed: Column) -> Schema:
        """The schema with the columns of the same ids replaced."""
        by_id = {column.id: column for column in changed}
        return Schema(columns=tuple(by_id.get(column.id, column) for column in self.columns))

    def without(self, names: Iterable[str]) -> Schema:
        gone = frozenset(names)
        return Schema(columns=tuple(c for c in self.columns if c.name not in gone))

    def insert(self, column: Column, after: str | None = None) -> Schema:
        """The schema with a new column behind `after` (at the end when None)."""
        if after is None:
            return Schema(columns=(*self.columns, column))
        at = self.names.index(after) + 1
        return Schema(columns=(*self.columns[:at], column, *self.columns[at:]))
