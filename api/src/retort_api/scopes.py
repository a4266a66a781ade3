"""What an endpoint works in: who asks, in which project, on which dataset. Resolved and authorised in one place.

Every query below a project gets its ids from here, so nothing of another project can be named; `tools/check_tenancy.py`
holds endpoints and services to that. A project that is none of the caller's business is answered like one that does
not exist. Everything that is refused leaves a line in the audit (see `app`), everything that is done writes one with
`note`, in its own transaction.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Query, Request
from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.access.authoriser import Caller, Right
from retort_api.access.rules import RULES, Rule
from retort_api.audit.acts import Act
from retort_api.datasets import repository as datasets
from retort_api.datasets.repository import DatasetRecord
from retort_api.kit import negotiation
from retort_api.services import Services
from retort_core.errors import NotFound, PolicyDenied, Unauthenticated
from retort_core.http.datasets import Project


@dataclass(frozen=True, kw_only=True)
class Root:
    services: Services
    caller: Caller
    rule: Rule
    act: Act
    request: Request

    async def may(self, right: Right) -> bool:
        return await self.services.access.authoriser.may(self.caller, right, None)

    async def note(
        self, connection: AsyncConnection, name: str = "", code: int = 200, **facts: JsonValue
    ) -> None:
        """The line of this act, in the transaction of the act."""
        await self.services.recorder.done(connection, self.act, name, code, facts=facts)

    async def read_note(self, name: str = "", **facts: JsonValue) -> None:
        """The line of a read that lets data out; written before the first byte leaves."""
        async with self.services.database.write() as connection:
            await self.services.recorder.done(connection, self.act, name, facts=facts)


@dataclass(frozen=True, kw_only=True)
class InProject(Root):
    project: Project

    async def may(self, right: Right) -> bool:
        return await self.services.access.authoriser.may(self.caller, right, self.project)

    async def demand(self, right: Right) -> None:
        """A right beyond that of the route."""
        if not await self.may(right):
            raise denied(right)

    async def renew(self) -> None:
        """Of streams that stay open: raises as soon as the caller would no longer be let in."""
        await identified(self.request, self.services, self.act)
        await self.demand((self.rule.verb, self.rule.resource))


@dataclass(frozen=True, kw_only=True)
class InDataset(InProject):
    dataset: DatasetRecord


async def root(request: Request) -> Root:
    """Says who asks; and, outside of projects, whether they may."""
    services: Services = request.app.state.services
    rule = RULES[(request.method, request.scope["route"].path)]
    act = remembered(request, _opened(request, rule))
    caller = NOBODY
    if rule.open:
        services.access.strangers.take(act.addresses[0])
    else:
        caller = await identified(request, services, act)
        act = remembered(request, replace(act, caller=caller))
    scope = Root(services=services, caller=caller, rule=rule, act=act, request=request)
    right: Right = (rule.verb, rule.resource)
    if not rule.open and "project" not in request.path_params and not await scope.may(right):
        raise denied(right)
    negotiation.check(request)
    return scope


NOBODY = Caller(name="")


async def identified(request: Request, services: Services, act: Act) -> Caller:
    """Who bears the token. Addresses that keep bringing wrong ones are made to wait; every caller has a rate."""
    access, address = services.access, act.addresses[0]
    access.strangers.check(address)
    try:
        caller = await access.authenticator.caller(request)
    except Unauthenticated:
        access.strangers.take(address)
        raise
    access.callers.take(caller.name)
    return caller


async def in_project(project: str, base: Annotated[Root, Depends(root)]) -> InProject:
    services = base.services
    found = await services.projects.find(project)
    if found is None:
        raise no_project(project)
    act = remembered(base.request, replace(base.act, project=found.id, namespace=found.name))
    scope = InProject(
        services=services, caller=base.caller, rule=base.rule, act=act, request=base.request, project=found
    )
    right: Right = (base.rule.verb, base.rule.resource)
    if not await scope.may(right):
        raise denied(right) if await scope.may(("get", "projects")) else no_project(project)
    return scope


async def in_dataset(dataset: str, base: Annotated[InProject, Depends(in_project)]) -> InDataset:
    async with base.services.database.single() as connection:
        found = await datasets.find(connection, base.project.id, dataset)
    if found is None:
        raise NotFound(f"There is no dataset {dataset[:100]!r} in project {base.project.name!r}.")
    return on_dataset(base, found)


def on_dataset(base: InProject, found: DatasetRecord) -> InDataset:
    return InDataset(
        services=base.services, caller=base.caller, rule=base.rule, request=base.request, project=base.project,
        act=remembered(base.request, replace(base.act, dataset=found.name)), dataset=found,
    )  # fmt: skip


def _opened(request: Request, rule: Rule) -> Act:
    address = request.client.host if request.client is not None else "unknown"
    return Act(
        id=str(uuid.uuid4()),
        at=datetime.now(UTC),
        verb=rule.verb,
        resource=rule.resource,
        path=request.url.path,
        addresses=(address,),
        agent=request.headers.get("user-agent", ""),
    )


def remembered(request: Request, act: Act) -> Act:
    """The act as far as it is known, for the line that a refusal leaves."""
    request.state.act = act
    return act


def denied(right: Right) -> PolicyDenied:
    verb, resource = right
    return PolicyDenied(
        f"You are not allowed to {verb} {resource.replace('/', ' that are ')} here; ask an administrator of the project.",
        verb=verb,
        resource=resource,
    )


def no_project(name: str) -> NotFound:
    return NotFound(f"There is no project {name[:100]!r}.")


RootScope = Annotated[Root, Depends(root)]
ProjectScope = Annotated[InProject, Depends(in_project)]
DatasetScope = Annotated[InDataset, Depends(in_dataset)]
Cursor = Annotated[
    str, Query(max_length=500, description="`next_cursor` of the page before; empty = the first")
]
Limit = Annotated[int, Query(ge=1, le=500, description="Most items of the page")]
