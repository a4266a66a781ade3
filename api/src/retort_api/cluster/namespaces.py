"""Projects of a cluster: namespaces that an administrator opted in, looked at for every request (answers of 10 s at most).

A name alone opens nothing: whoever may make a namespace called as one that was deleted would inherit its data. So the
namespace's uid is compared with the one that the project was bound to at first sight.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from retort_api.access.answers import Answers
from retort_api.cluster import repository as bindings
from retort_api.cluster.kubernetes import Kubernetes
from retort_api.cluster.projects import project_of
from retort_api.kit.database import Database
from retort_api.projects import repository as projects
from retort_core.errors import BadInput, Infrastructure
from retort_core.http.datasets import Project
from retort_core.resources import labels

LIST: Final = f"/api/v1/namespaces?labelSelector={labels.PROJECT}%3D{labels.ENABLED}"
PATH: Final = "/api/v1/namespaces/{name}"
GONE, OK = 404, 200
MADE_ELSEWHERE: Final = (
    "In a cluster a project is a namespace: kubectl create namespace NAME && "
    f"kubectl label namespace NAME {labels.PROJECT}={labels.ENABLED}"
)


@dataclass(frozen=True, kw_only=True)
class Namespace:
    name: str
    uid: str


class Namespaces:
    """`named`: the only ones, by the settings; naming one there is opting it in. Empty = those with the label."""

    def __init__(self, database: Database, api: Kubernetes, named: Collection[str] = ()) -> None:
        self._database, self._api, self._named = database, api, frozenset(named)
        self._answers: Answers[Project | None] = Answers()

    async def find(self, name: str) -> Project | None:
        return await self._answers.get(name, lambda: self._found(name))

    async def refresh(self) -> None:
        """Namespaces that nobody has asked for yet become projects. One that was made again is left for whoever asks for it:
        the others are listed all the same."""
        for namespace in await self._every():
            if (await self._stored(namespace.name))[1] is None:
                await self._project(namespace)

    def makable(self) -> None:
        raise BadInput(MADE_ELSEWHERE)

    async def _found(self, name: str) -> Project | None:
        async with self._database.read() as connection:
            known = await projects.find(connection, name)
        namespace = await self._read(known.name if known is not None else name)
        return await self._project(namespace) if namespace is not None else None

    async def _every(self) -> list[Namespace]:
        if self._named:
            found = [await self._read(name) for name in sorted(self._named)]
        else:
            status, listed = await self._api.call("GET", LIST)
            if status != OK:
                raise Infrastructure(
                    f"The cluster does not say which namespaces are projects (it answered {status})."
                )
            found = [self._opted_in(raw) for raw in listed["items"]]
        return [one for one in found if one is not None]

    async def _stored(self, name: str) -> tuple[Project | None, str | None]:
        """The project of that name, and the uid of the namespace that it is bound to."""
        async with self._database.read() as connection:
            known = await projects.find(connection, name)
            return known, await bindings.namespace_uid(connection, known.id) if known is not None else None

    async def _read(self, name: str) -> Namespace | None:
        if not labels.is_namespace(name) or (self._named and name not in self._named):
            return None
        status, found = await self._api.call("GET", PATH.format(name=name))
        if status == GONE:
            return None
        if status != OK:
            raise Infrastructure(f"The cluster does not tell of namespace {name!r} (it answered {status}).")
        return self._opted_in(found)

    def _opted_in(self, raw: dict[str, Any]) -> Namespace | None:
        metadata = raw["metadata"]
        label = (metadata.get("labels") or {}).get(labels.PROJECT)
        if label != labels.ENABLED and metadata["name"] not in self._named:
            return None
        return Namespace(name=metadata["name"], uid=metadata["uid"])

    async def _project(self, namespace: Namespace) -> Project | None:
        """Raises ProjectRebound for a namespace that only has the name of the one it was bound to."""
        known, bound = await self._stored(namespace.name)
        if known is not None and bound == namespace.uid:
            return known
        async with self._database.write() as connection:
            await project_of(connection, namespace.name, namespace.uid)
            return await projects.find(connection, namespace.name)
