"""What an operation is: a frozen model whose fields are its parameters, and the checks all operations share.

A class states its meaning four times, and tests hold the four together:

- `check(schema)`: what the schema becomes (simulation); raises StepError for a step that cannot run;
- `emit(out)`: the Polars that does it (syntax tree, see `retort_plans.emission`);
- `reference(rows, schema)`: the same row by row in plain Python;
- `explain(lang)`: the same for a person.

New columns are returned by `check` with an empty id; the simulation mints ids and fills in the origin.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import Field, FiniteFloat, StrictBool, StrictInt, StrictStr

from retort_core.cells import fold, is_hidden
from retort_core.errors import StepError
from retort_core.models import Model
from retort_core.plans import Lang
from retort_core.schema import Column, DType, Kind, Origin, Schema

if TYPE_CHECKING:
    from retort_plans.emission import Emitter
    from retort_plans.reference import Row, Rows

Yields: TypeAlias = Literal["version", "answer"]
# A literal of a plan: text, number, truth value. Which of them a column takes is `retort_plans.literals`.
Scalar: TypeAlias = StrictBool | StrictInt | FiniteFloat | StrictStr
Names: TypeAlias = Annotated[tuple[str, ...], Field(min_length=1, max_length=2000)]
NameList: TypeAlias = Annotated[tuple[str, ...], Field(max_length=2000)]

DEFAULT_KIND: dict[DType, Kind] = {
    DType.text: Kind.text,
    DType.integer: Kind.numeric,
    DType.number: Kind.numeric,
    DType.decimal: Kind.numeric,
    DType.boolean: Kind.single,
    DType.date: Kind.date,
    DType.datetime: Kind.date,
    DType.duration: Kind.duration,
}


@dataclass(frozen=True)
class Loss:
    """What the words of a step allow to be lost: rows, whole columns, and cells of columns (by name).

    `only`: every column but these, for a step that names what stays; the simulation spells it out in `columns`.
    """

    rows: bool = False
    columns: frozenset[str] = frozenset()
    cells: frozenset[str] = frozenset()
    only: frozenset[str] | None = None


class Operation(Model):
    """One step's operation with its parameters."""

    name: ClassVar[str]
    kind: ClassVar[Yields] = "version"
    family: ClassVar[str]  # heading of the reference page
    example: ClassVar[Mapping[str, Any]]  # parameters shown on the reference page

    def check(self, schema: Schema) -> Schema:
        raise NotImplementedError

    def emit(self, out: Emitter) -> None:
        raise NotImplementedError

    def explain(self, lang: Lang) -> str:
        raise NotImplementedError

    def entitles(self) -> Loss:
        return Loss()

    def reference(self, rows: Rows, schema: Schema) -> Sequence[Row]:
        raise NotImplementedError


def require(schema: Schema, names: Iterable[str]) -> tuple[Column, ...]:
    """The columns of `names`; a name that does not exist or comes twice is an error with the nearest names."""
    known = {column.name: column for column in schema.columns}
    found: dict[str, Column] = {}
    for name in names:
        if name not in known:
            raise no_such_column(schema, name)
        if name in found:
            raise StepError(f"column {name!r} is named twice; name it once", column=name)
        found[name] = known[name]
    return tuple(found.values())


def need(schema: Schema, name: str) -> Column:
    """The column of one name."""
    column = schema.find(name)
    if column is None:
        raise no_such_column(schema, name)
    return column


def no_such_column(schema: Schema, name: str) -> StepError:
    near = nearest(name, schema.names)
    hint = f"; nearest: {', '.join(near)}" if near else f"; columns: {', '.join(schema.names[:8])}"
    return StepError(f"there is no column {name!r}{hint}", column=name, nearest=list(near))


def nearest(name: str, names: Sequence[str], count: int = 3) -> tuple[str, ...]:
    """Up to `count` names most like `name`, ignoring case, spaces and width."""
    folded = {other: fold(other) for other in names}
    wanted = fold(name)
    inside = [
        other for other, text in folded.items() if wanted and text and (wanted in text or text in wanted)
    ]
    like = difflib.get_close_matches(wanted, list(folded.values()), n=count, cutoff=0.5)
    close = sorted((o for o, text in folded.items() if text in like), key=lambda o: like.index(folded[o]))
    return tuple(dict.fromkeys([*inside, *close]))[:count]


def require_dtype(column: Column, dtypes: Iterable[DType], what: str) -> Column:
    """`column`, or an error that says what the operation needs and how to get there."""
    if column.dtype not in frozenset(dtypes):
        raise StepError(
            f"column {column.name!r} is {column.dtype.value}; {what}. Convert it first with cast_type",
            column=column.name,
        )
    return column


TEXT = (DType.text,)
NUMERIC = (DType.integer, DType.number, DType.decimal)


def require_text(schema: Schema, names: Iterable[str]) -> tuple[Column, ...]:
    return tuple(require_dtype(c, TEXT, "this needs text columns") for c in require(schema, names))


def require_numeric(schema: Schema, names: Iterable[str]) -> tuple[Column, ...]:
    return tuple(require_dtype(c, NUMERIC, "this needs numeric columns") for c in require(schema, names))


def free_name(schema: Schema, name: str) -> str:
    """`name`, when a new column may be called that."""
    if not name.strip():
        raise StepError("the new column needs a name")
    if is_hidden(name):
        raise StepError(f"the name {name!r} is reserved; choose another name for the new column", column=name)
    if schema.find(name) is not None:
        raise StepError(
            f"column {name!r} exists already; choose another name for the new column", column=name
        )
    return name


def new_column(
    name: str, dtype: DType, kind: Kind | None = None, sources: Sequence[str] = (), **more: Any
) -> Column:
    """A column a step makes: id and step are filled in by the simulation. `sources`: names it was made from."""
    kind = kind or DEFAULT_KIND[dtype]
    return Column(
        id="", name=name, dtype=dtype, kind=kind, origin=Origin(op="", sources=tuple(sources)), **more
    )
