"""Simulation: what a plan makes of a schema, without data.

Every step is parsed and checked on the schema the step before left behind, so a plan that passes can only fail on
values. New columns get their ids and origin here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from retort_core.errors import StepError
from retort_core.plans import Plan, Step
from retort_core.schema import Column, Origin, Schema
from retort_plans.catalogue import parse_step
from retort_plans.operations.base import Loss, Operation, Yields

NewId: TypeAlias = Callable[[str], str]
MOST_STEPS = 100
MOST_COLUMNS = 20_000


@dataclass(frozen=True)
class Simulation:
    """`schemas[i]` is the schema before step i; the last one is `final`. `entitled`: what the words let go,
    with names as in the base version (as in the final one for columns that the plan makes)."""

    operations: tuple[Operation, ...]
    schemas: tuple[Schema, ...]
    yields: Yields
    entitled: Loss

    @property
    def final(self) -> Schema:
        return self.schemas[-1]


def column_ids(base: str) -> NewId:
    """Deterministic ids of new columns: of the base version and the text "step id, column name"."""

    def mint(seed: str) -> str:
        digest = hashlib.sha256(f"retort.column\0{base}\0{seed}".encode("utf-8", "surrogatepass"))
        return f"c_{digest.hexdigest()[:12]}"

    return mint


def simulate(plan: Plan, schema: Schema, new_id: NewId | None = None) -> Simulation:
    """Checks every step; raises StepError naming step, column and nearest names."""
    if not plan.steps:
        raise StepError("the plan has no steps")
    if len(plan.steps) > MOST_STEPS:
        raise StepError(f"the plan has {len(plan.steps)} steps, more than {MOST_STEPS}; split it")
    new_id = new_id or column_ids("\0".join(column.id for column in schema.columns))
    operations: list[Operation] = []
    schemas = [schema]
    for index, step in enumerate(plan.steps):
        with _located(step, index):
            if operations and operations[-1].kind == "answer":
                raise StepError("a step that only answers must be the last one; put this one before it")
            operation = parse_step(step)
            after = operation.check(schemas[-1])
        operations.append(operation)
        schemas.append(
            schemas[-1] if operation.kind == "answer" else _minted(after, schemas[-1], step, new_id)
        )
    return Simulation(
        operations=tuple(operations),
        schemas=tuple(schemas),
        yields=operations[-1].kind,
        entitled=_entitled(operations, schemas),
    )


@contextmanager
def _located(step: Step, index: int) -> Iterator[None]:
    """Errors say which step they are of."""
    try:
        yield
    except StepError as error:
        details = {**error.details, "step": step.id, "op": step.op, "index": index}
        raise StepError(f"step {index + 1} ({step.op}): {error.message}", **details) from None


def _minted(after: Schema, before: Schema, step: Step, new_id: NewId) -> Schema:
    """`after` with ids and origins for the columns the step made."""
    if len(after.columns) > MOST_COLUMNS:
        raise StepError(f"the step would make {len(after.columns)} columns, more than {MOST_COLUMNS}")
    taken = {column.id for column in before.columns}
    return Schema(columns=tuple(c if c.id else _named(c, before, step, new_id, taken) for c in after.columns))


def _named(made: Column, before: Schema, step: Step, new_id: NewId, taken: set[str]) -> Column:
    seed, attempt = f"{step.id}\0{made.name}", 0
    column_id = new_id(seed)
    while column_id in taken:  # the same step again, on top of its own result
        attempt += 1
        column_id = new_id(f"{seed}\0{attempt}")
    taken.add(column_id)
    sources = tuple(column.id for name in made.origin.sources if (column := before.find(name)))
    return made.with_(id=column_id, origin=Origin(op=step.op, step=step.id, sources=sources))


def _entitled(operations: Iterable[Operation], schemas: list[Schema]) -> Loss:
    base = {column.id: column.name for column in schemas[0].columns}
    rows, columns, cells = False, set[str](), set[str]()
    for operation, schema in zip(operations, schemas, strict=False):
        loss = operation.entitles()
        name_of = {column.name: base.get(column.id, column.name) for column in schema.columns}
        rows |= loss.rows
        gone = loss.columns if loss.only is None else frozenset(name_of) - loss.only
        columns |= {name_of.get(name, name) for name in gone}
        cells |= {name_of.get(name, name) for name in loss.cells}
    return Loss(rows=rows, columns=frozenset(columns), cells=frozenset(cells))
