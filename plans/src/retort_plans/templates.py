"""Templates: steps saved from a history, with the columns they need and parameters, for use on other tables.

`collect` takes plans as they were; `fit` says what is missing or of another type in a schema, all of it at once and
before anything runs; `fill` makes the plan for one table. Pure: where templates are kept is the service's business.
"""

from __future__ import annotations

import copy
import difflib
from collections.abc import Iterable, Mapping
from typing import Final, Literal, TypeAlias

from pydantic import Field, JsonValue

from retort_core.cells import fold
from retort_core.errors import BadInput, StepError
from retort_core.models import Model
from retort_core.plans import Plan, Step
from retort_core.schema import Column, DType, Kind, Schema
from retort_plans.references import columns_of, literals_of, renamed
from retort_plans.simulation import simulate

MOST_STEPS: Final = 100
Path: TypeAlias = tuple[str | int, ...]
# Types that a step written for one of them also runs on.
_ALIKE: Final = (
    frozenset({DType.integer, DType.number, DType.decimal}),
    frozenset({DType.date, DType.datetime}),
)


class TemplateColumn(Model):
    """A column of the table that the steps were made on. `kinds`: what it may be; empty = anything of the type."""

    name: str
    dtype: DType
    kind: Kind
    label: str = ""
    used_by: tuple[str, ...] = ()  # steps


class Parameter(Model):
    """A literal that may differ next time; the same parameter can stand at several places."""

    name: str = Field(min_length=1, max_length=60, pattern="^[^\\s{}]+$")
    label: str = Field(default="", max_length=200)
    places: tuple[tuple[str, Path], ...] = Field(
        min_length=1, max_length=50
    )  # (step, path in its parameters)
    default: JsonValue


class Template(Model):
    title: str = Field(min_length=1, max_length=200)
    description: str = Field(default="", max_length=2000)
    steps: tuple[Step, ...] = Field(min_length=1, max_length=MOST_STEPS)
    columns: tuple[TemplateColumn, ...] = ()
    parameters: tuple[Parameter, ...] = Field(default=(), max_length=50)


class Misfit(Model):
    """`code`: missing (no such column), type (another type), twice (two columns mapped to one), step (a step would not
    run), parameter (a value that no parameter takes). `nearest`: columns that could be meant."""

    code: Literal["missing", "type", "twice", "step", "parameter"]
    column: str = ""
    message: str
    nearest: tuple[str, ...] = ()


class Fit(Model):
    """How a template meets a table: `mapping` as it would be used, and everything that stands in the way."""

    mapping: dict[str, str]
    misfits: tuple[Misfit, ...] = ()
    plan: Plan | None = None  # when nothing stands in the way

    @property
    def ready(self) -> bool:
        return not self.misfits


# -- from a history ------------------------------------------------------------------------------------------


def collect(title: str, plans: Iterable[Plan], schema: Schema, description: str = "") -> Template:
    """Steps of `plans`, which ran one after another from `schema` on; ids are renumbered."""
    steps = tuple(
        step.model_copy(update={"id": f"s{at}"})
        for at, step in enumerate((step for plan in plans for step in plan.steps), 1)
    )
    if not steps:
        raise BadInput("There are no steps in this stretch of the history; choose one with an edit in it.")
    if len(steps) > MOST_STEPS:
        raise BadInput(f"That are {len(steps)} steps, more than {MOST_STEPS}; make two templates of them.")
    return Template(title=title, description=description, steps=steps, columns=_needed(steps, schema))


def _needed(steps: tuple[Step, ...], schema: Schema) -> tuple[TemplateColumn, ...]:
    """Columns of the first schema that some step names, whatever they are called by then."""
    simulation = simulate(Plan(title="template", steps=steps), schema)
    users: dict[str, list[str]] = {}
    for step, before in zip(steps, simulation.schemas, strict=False):
        for name in columns_of(step):
            column = before.find(name)
            if column is not None and schema.by_id(column.id) is not None:
                users.setdefault(column.id, []).append(step.id)
    return tuple(
        TemplateColumn(
            name=column.name,
            dtype=column.dtype,
            kind=column.kind,
            label=column.label,
            used_by=tuple(users[column.id]),
        )
        for column in schema.columns
        if column.id in users
    )


def parameterised(template: Template, parameters: Iterable[Parameter]) -> Template:
    """The template with named literals; a place that holds no literal is refused."""
    steps = {step.id: step for step in template.steps}
    found = tuple(parameters)
    for parameter in found:
        for step_id, path in parameter.places:
            step = steps.get(step_id)
            places = dict(literals_of(step)) if step is not None else {}
            if path not in places:
                where = ".".join(str(part) for part in path)
                raise BadInput(f"{parameter.name!r}: there is no value at {where!r} of step {step_id!r}.")
    names = [parameter.name for parameter in found]
    if len(set(names)) < len(names):
        raise BadInput("Two parameters have the same name; name each once.")
    return template.model_copy(update={"parameters": found})


# -- on a table ----------------------------------------------------------------------------------------------


def fit(
    template: Template, schema: Schema, mapping: Mapping[str, str] = {}, values: Mapping[str, JsonValue] = {}
) -> Fit:
    """`mapping`: template's column -> the table's, where they differ; the rest is matched by name, then by label."""
    used = proposed(template, schema, mapping)
    misfits = [*_columns_misfits(template, schema, used), *_parameter_misfits(template, values)]
    known = {name: value for name, value in values.items() if not _wrong(template, name, value)}
    plan = fill(template, used, known)
    problem = _problem(plan, _stood_in(template, schema, used))
    if problem is not None and not any(one.code == "type" for one in misfits):
        misfits.append(problem)
    return Fit(mapping=used, misfits=tuple(misfits), plan=None if misfits else plan)


def _problem(plan: Plan, schema: Schema) -> Misfit | None:
    """The first step that would not run."""
    try:
        simulate(plan, schema)
    except StepError as error:
        return Misfit(code="step", column=str(error.details.get("column", "")), message=error.message)
    return None


def _stood_in(template: Template, schema: Schema, used: Mapping[str, str], only: str = "") -> Schema:
    """`schema` with a stand-in for every column that is missing, so that what else is wrong shows at once.

    `only`: every column but this one is a stand-in of the type that the template was made on."""
    columns = list(schema.columns)
    for at, column in enumerate(template.columns):
        name = used.get(column.name, column.name)
        found = schema.find(name)
        if found is not None and only and column.name != only:
            columns[columns.index(found)] = found.with_(dtype=column.dtype, kind=column.kind, scale=None)
        elif found is None:
            columns.append(Column(id=f"stand-in-{at}", name=name, dtype=column.dtype, kind=column.kind))
    return Schema(columns=tuple(columns))


def proposed(template: Template, schema: Schema, mapping: Mapping[str, str] = {}) -> dict[str, str]:
    """What a person said wins; then the same name, the same name but for spaces, width and case, the same label."""
    folded = {fold(column.name): column.name for column in reversed(schema.columns)}
    labels = {fold(column.label): column.name for column in reversed(schema.columns) if column.label}
    found: dict[str, str] = {}
    for column in template.columns:
        same = column.name if schema.find(column.name) is not None else ""
        label = labels.get(fold(column.label), "") if column.label else ""
        choice = mapping.get(column.name) or same or folded.get(fold(column.name), "") or label
        if choice:
            found[column.name] = choice
    return found


def _columns_misfits(template: Template, schema: Schema, used: Mapping[str, str]) -> list[Misfit]:
    found: list[Misfit] = []
    taken: dict[str, str] = {}
    for column in template.columns:
        name = used.get(column.name, "")
        target = schema.find(name) if name else None
        if target is None:
            what = f"the table has no column {(name or column.name)!r}"
            near = _nearest(column, schema)
            found.append(Misfit(code="missing", column=column.name, message=what, nearest=near))
        elif name in taken:
            what = f"{taken[name]!r} and {column.name!r} would both be {name!r}"
            found.append(Misfit(code="twice", column=column.name, message=what))
        elif not _alike(column.dtype, target.dtype) and _problem(
            fill(template, used), _stood_in(template, schema, used, column.name)
        ):
            what = f"{name!r} is {target.dtype.value}, the template was made on {column.dtype.value}"
            found.append(Misfit(code="type", column=column.name, message=what))
        taken.setdefault(name, column.name)
    return found


def _nearest(column: TemplateColumn, schema: Schema, count: int = 3) -> tuple[str, ...]:
    """Columns of the same sort whose names are alike; of the same kind when no name is."""
    fitting = [one for one in schema.columns if _alike(column.dtype, one.dtype)]
    near = difflib.get_close_matches(column.name, [one.name for one in fitting], n=count, cutoff=0.5)
    return tuple(near or [one.name for one in fitting if one.kind is column.kind][:count])


def _alike(wanted: DType, found: DType) -> bool:
    return wanted is found or any({wanted, found} <= group for group in _ALIKE)


def _parameter_misfits(template: Template, values: Mapping[str, JsonValue]) -> list[Misfit]:
    wrong = ((name, _wrong(template, name, value)) for name, value in values.items())
    return [Misfit(code="parameter", message=why) for _, why in wrong if why]


def _wrong(template: Template, name: str, value: JsonValue) -> str:
    """Why the template does not take this value; empty when it does."""
    known = {parameter.name: parameter for parameter in template.parameters}
    if name not in known:
        return f"there is no parameter {name!r}; there is: {', '.join(known) or 'none'}"
    wanted = _sort(known[name].default)
    return "" if _sort(value) == wanted else f"{name!r} takes a {wanted}, not {value!r}"


def _sort(value: JsonValue) -> str:
    if isinstance(value, bool):
        return "yes or no"
    return "number" if isinstance(value, int | float) else "text"


def fill(template: Template, mapping: Mapping[str, str], values: Mapping[str, JsonValue] = {}) -> Plan:
    """The plan for one table: parameters put in, columns called as they are there.

    Only columns of the table are renamed; those that the steps make keep the template's names, unless a step renames.
    """
    steps = {
        step.id: step.model_copy(update={"params": copy.deepcopy(step.params)}) for step in template.steps
    }
    for parameter in template.parameters:
        for step_id, path in parameter.places:
            _put(steps[step_id].params, path, values.get(parameter.name, parameter.default))
    users = {column.name: set(column.used_by) for column in template.columns}

    def called(step: Step) -> Step:
        def new(name: str) -> str:
            return mapping.get(name, name) if step.id in users.get(name, ()) else name

        return renamed(step, new)

    return Plan(title=template.title, steps=tuple(called(step) for step in steps.values()))


def _put(params: dict[str, JsonValue], path: Path, value: JsonValue) -> None:
    place: JsonValue = params
    for part in path[:-1]:
        place = place[part]  # type: ignore[index]
    place[path[-1]] = value  # type: ignore[index]
