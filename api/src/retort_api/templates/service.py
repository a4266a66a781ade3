"""Templates as people meet them: saved from a stretch of history, met with another dataset, run there as one task."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime

from retort_api.commits.records import CommitRecord
from retort_api.datasets import repository as datasets
from retort_api.scopes import InDataset, InProject
from retort_api.templates import repository
from retort_api.templates.repository import TemplateRecord
from retort_core.errors import BadInput, Conflict, NotFound
from retort_core.http.templates import (
    ParameterPlace,
    TemplateColumnInfo,
    TemplateCreate,
    TemplateFit,
    TemplateInfo,
    TemplateMisfit,
    TemplateParameter,
    TemplateUse,
)
from retort_core.identity import short
from retort_core.plans import Lang, Plan
from retort_plans.explanations import explain
from retort_plans.library import built_in
from retort_plans.templates import Fit, Parameter, Template, collect, fit, parameterised


async def save(scope: InProject, body: TemplateCreate) -> TemplateInfo:
    if body.name in built_in("zh"):
        raise Conflict(f"A template called {body.name!r} comes with the product; choose another name.")
    template = await _collected(scope, body)
    record = TemplateRecord(
        id=uuid.uuid4().hex,
        project=scope.project.id,
        name=body.name,
        template=template,
        author=scope.caller.name,
        created_at=datetime.now(UTC),
    )
    async with scope.services.database.write() as connection:
        if await repository.find(connection, scope.project.id, body.name) is not None:
            raise Conflict(f"There is a template called {body.name!r} already; choose another name.")
        await repository.add(connection, record)
        await scope.note(connection, record.name, code=201, id=record.id)
    return public(record, "zh")


async def _collected(scope: InProject, body: TemplateCreate) -> Template:
    services = scope.services
    async with services.database.read() as connection:
        dataset = await datasets.find(connection, scope.project.id, body.dataset)
    if dataset is None:
        raise NotFound(f"There is no dataset {body.dataset!r} in project {scope.project.name!r}.")
    last = await services.log.resolve(dataset.id, body.to)
    first = await services.log.resolve(dataset.id, body.since) if body.since else ""
    stretch = _stretch({one.id: one for one in await services.log.commits(dataset.id)}, first, last)
    schema = await services.library.schema(stretch[0].snapshot)
    plans = [plan for record in stretch[1:] if (plan := _plan_of(record)) is not None]
    template = collect(body.title or body.name, plans, schema, body.description)
    return parameterised(template, [_parameter(one) for one in body.parameters])


def _stretch(commits: dict[str, CommitRecord], first: str, last: str) -> list[CommitRecord]:
    """From the version before the first edit to the last, oldest first; without `first` from the latest import on."""
    found = [commits[last]]
    while found[-1].id != first and not (not first and found[-1].kind == "import"):
        parent = commits.get(found[-1].parent)
        if parent is None:
            if first:
                raise BadInput(
                    f"{short(first)} does not lead to {short(last)}; choose two versions of one line."
                )
            break
        found.append(parent)
    return found[::-1]


def _plan_of(record: CommitRecord) -> Plan | None:
    """Plans only: an import belongs to its file, and code that a person wrote is kept as code."""
    if record.kind == "script":
        raise BadInput(
            f"{short(record.id)} ({record.title}) is a script, which has no steps; choose a stretch without it."
        )
    return record.plan


def _parameter(given: TemplateParameter) -> Parameter:
    places = tuple((place.step, place.path) for place in given.places)
    return Parameter(name=given.name, label=given.label, places=places, default=given.default)


# -- using ---------------------------------------------------------------------------------------------------


async def find(scope: InProject, name: str, lang: Lang) -> tuple[Template, TemplateInfo]:
    ready = built_in(lang).get(name)
    if ready is not None:
        return ready, _info(name, ready, lang, built=True)
    async with scope.services.database.read() as connection:
        record = await repository.find(connection, scope.project.id, name)
    if record is None:
        raise NotFound(f"There is no template {name[:100]!r} in project {scope.project.name!r}.")
    return record.template, public(record, lang)


async def meet(scope: InDataset, template: Template, use: TemplateUse) -> Fit:
    """Against the head of a branch, before anything runs."""
    services = scope.services
    head = await services.log.resolve(scope.dataset.id, use.branch)
    record = await services.log.get(scope.dataset.id, head)
    return fit(template, await services.library.schema(record.snapshot), use.mapping, use.values)


def refused(found: Fit) -> BadInput:
    """Everything that stands in the way, in one message and as facts."""
    sentences = "; ".join(
        f"{one.column}: {one.message}" if one.column else one.message for one in found.misfits
    )
    misfits = [one.model_dump(mode="json") for one in found.misfits]
    return BadInput(f"The template does not fit: {sentences}.", misfits=misfits, mapping=found.mapping)


def told(found: Fit, lang: Lang) -> TemplateFit:
    return TemplateFit(
        mapping=found.mapping,
        misfits=tuple(TemplateMisfit(**dict(one)) for one in found.misfits),
        plan=found.plan,
        explanation=explain(found.plan, lang) if found.plan is not None else (),
    )


def listed(records: Iterable[TemplateRecord], lang: Lang, *, with_built_in: bool) -> tuple[TemplateInfo, ...]:
    ready = built_in(lang).items() if with_built_in else ()
    own = tuple(public(record, lang) for record in records)
    return (*(_info(name, template, lang, built=True) for name, template in ready), *own)


def public(record: TemplateRecord, lang: Lang) -> TemplateInfo:
    info = _info(record.name, record.template, lang, built=False)
    return info.model_copy(update={"author": record.author, "created_at": record.created_at})


def _info(name: str, template: Template, lang: Lang, *, built: bool) -> TemplateInfo:
    return TemplateInfo(
        name=name,
        title=template.title,
        description=template.description,
        built_in=built,
        steps=template.steps,
        explanation=explain(Plan(title=template.title, steps=template.steps), lang),
        columns=tuple(
            TemplateColumnInfo(
                name=one.name,
                dtype=one.dtype.value,
                kind=one.kind.value,
                label=one.label,
                used_by=one.used_by,
            )
            for one in template.columns
        ),
        parameters=tuple(
            TemplateParameter(
                name=one.name,
                label=one.label,
                places=tuple(ParameterPlace(step=step, path=path) for step, path in one.places),
                default=one.default,
            )
            for one in template.parameters
        ),
    )
