"""Routes of templates and of the sentences to click."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from retort_api.kit import cursors
from retort_api.scopes import Cursor, DatasetScope, Limit, ProjectScope, RootScope
from retort_api.tasks import asking
from retort_api.tasks import service as tasks
from retort_api.tasks.replies import accepted
from retort_api.templates import repository, service
from retort_core.errors import Conflict, NotFound
from retort_core.http import routes
from retort_core.http.pages import Page
from retort_core.http.tasks import Task, TaskCreate
from retort_core.http.templates import Sentence, TemplateCreate, TemplateFit, TemplateInfo, TemplateUse
from retort_core.lifecycle.sources import PlanSource, Source
from retort_core.plans import Lang
from retort_planner.sentences import sentences
from retort_plans.library import BUILT_IN

router = APIRouter(tags=["templates"])
Language = Annotated[Lang, Query(description="Language of titles and explanations")]


@router.get(routes.SENTENCES, operation_id="listSentences")
async def list_sentences(scope: RootScope, lang: Language = "zh") -> Page[Sentence]:
    """What can be said, to be clicked and filled in."""
    del scope
    return Page(items=sentences(lang))


@router.get(routes.TEMPLATES, operation_id="listTemplates")
async def list_templates(
    scope: ProjectScope, cursor: Cursor = "", limit: Limit = 50, lang: Language = "zh"
) -> Page[TemplateInfo]:
    """Those that come with the product first, then the project's own by name."""
    after = cursors.text(cursor)
    async with scope.services.database.read() as connection:
        found = await repository.page(connection, scope.project.id, after, limit + 1)
    more = cursors.encode(found[limit - 1].name) if len(found) > limit else ""
    return Page(items=service.listed(found[:limit], lang, with_built_in=not after), next_cursor=more)


@router.post(routes.TEMPLATES, operation_id="createTemplate", status_code=201)
async def create_template(scope: ProjectScope, body: TemplateCreate) -> TemplateInfo:
    return await service.save(scope, body)


@router.get(routes.TEMPLATE, operation_id="getTemplate")
async def get_template(scope: ProjectScope, name: str, lang: Language = "zh") -> TemplateInfo:
    return (await service.find(scope, name, lang))[1]


@router.delete(routes.TEMPLATE, operation_id="deleteTemplate", status_code=204)
async def delete_template(scope: ProjectScope, name: str) -> Response:
    """Versions that were made with it stay as they are."""
    if name in BUILT_IN:
        raise Conflict(f"The template {name!r} comes with the product and cannot be removed.")
    async with scope.services.database.write() as connection:
        if not await repository.remove(connection, scope.project.id, name):
            raise NotFound(f"There is no template {name[:100]!r} in project {scope.project.name!r}.")
        await scope.note(connection, name)
    return Response(status_code=204)


@router.post(routes.TEMPLATE_FIT, operation_id="fitTemplate")
async def fit_template(
    scope: DatasetScope, name: str, body: TemplateUse, lang: Language = "zh"
) -> TemplateFit:
    """What would run and all that stands in the way; nothing runs."""
    found, _ = await service.find(scope, name, lang)
    return service.told(await service.meet(scope, found, body), lang)


@router.post(routes.TEMPLATE_RUNS, operation_id="runTemplate", status_code=202)
async def run_template(
    scope: DatasetScope,
    name: str,
    body: TemplateUse,
    response: Response,
    lang: Language = "zh",
    idempotency_key: Annotated[str, Header(max_length=200)] = "",
) -> Task:
    """One task with all steps, or none of them."""
    found, _ = await service.find(scope, name, lang)
    met = await service.meet(scope, found, body)
    if met.plan is None:
        raise service.refused(met)
    asked = await asking.asked(scope, body.branch, template=name)
    source = Source(plan=PlanSource(plan=met.plan))
    wanted = TaskCreate(source=source, branch=body.branch, review=body.review, lang=lang)
    task = await tasks.create(scope.services, asked, wanted, idempotency_key)
    return accepted(response, scope.project.name, task)
