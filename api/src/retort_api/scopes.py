"""What an endpoint works in: who asks, in which project, on which dataset. Resolved and authorised in one place.

Every query below a project gets its ids from here, so nothing of another project can be named.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query, Request

from retort_api.access.authoriser import Caller
from retort_api.access.rules import RULES
from retort_api.datasets import repository as datasets
from retort_api.datasets.repository import DatasetRecord
from retort_api.projects import repository as projects
from retort_api.services import Services
from retort_core.errors import NotFound
from retort_core.http.datasets import Project


@dataclass(frozen=True, kw_only=True)
class Root:
    services: Services
    caller: Caller


@dataclass(frozen=True, kw_only=True)
class InProject(Root):
    project: Project


@dataclass(frozen=True, kw_only=True)
class InDataset(InProject):
    dataset: DatasetRecord


async def root(request: Request) -> Root:
    """Authenticates, and asks the authoriser with the verb and resource of the route."""
    services: Services = request.app.state.services
    caller = await services.authoriser.authenticate(request)
    template = request.scope["route"].path
    verb, resource = RULES[(request.method, template)]
    project = request.path_params.get("project", "")
    await services.authoriser.require(caller, verb, resource, project)
    return Root(services=services, caller=caller)


async def in_project(project: str, base: Annotated[Root, Depends(root)]) -> InProject:
    async with base.services.database.read() as connection:
        found = await projects.find(connection, project)
    if found is None:
        raise NotFound(f"There is no project {project[:100]!r}.")
    return InProject(services=base.services, caller=base.caller, project=found)


async def in_dataset(dataset: str, base: Annotated[InProject, Depends(in_project)]) -> InDataset:
    async with base.services.database.read() as connection:
        found = await datasets.find(connection, base.project.id, dataset)
    if found is None:
        raise NotFound(f"There is no dataset {dataset[:100]!r} in project {base.project.name!r}.")
    return InDataset(services=base.services, caller=base.caller, project=base.project, dataset=found)


RootScope = Annotated[Root, Depends(root)]
ProjectScope = Annotated[InProject, Depends(in_project)]
DatasetScope = Annotated[InDataset, Depends(in_dataset)]
Cursor = Annotated[
    str, Query(max_length=500, description="`next_cursor` of the page before; empty = the first")
]
Limit = Annotated[int, Query(ge=1, le=500, description="Most items of the page")]
