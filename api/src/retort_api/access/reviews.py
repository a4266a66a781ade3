"""The adapters of the cluster: who a token belongs to by TokenReview, what they may by SubjectAccessReview.

A project is the namespace of its name. Rights are asked on virtual resources of the group `retort.dev` (`datasets`,
`branches`, `branches/protected`, `tasks`, …), so an enterprise grants them with ordinary Roles and RoleBindings.

Whom a question is about depends on who vouches for the name. The cluster's own names go through as they are. Those of our
accounts begin with `retort:`, so that nobody becomes a cluster user by registering that name; those of an OIDC provider keep
their prefix, which is the cluster's own when it knows the same provider. A name or group of a provider that begins with
`system:` or `retort:` is refused: those belong to the cluster and to our accounts. Answers are kept for 10 seconds at most,
refusals too; without an answer nothing is allowed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any, Final

from retort_api.access.answers import Answers
from retort_api.access.authoriser import OURS, Caller, Right
from retort_api.access.cluster import Cluster
from retort_api.access.roles import EVERYBODY, within
from retort_core.errors import PolicyDenied, Unauthenticated
from retort_core.http.datasets import Project

GROUP: Final = "retort.dev"
RESERVED: Final = "system:"
LONGEST_NAME: Final = 200
Projects = Callable[[], Awaitable[list[Project]]]


class ClusterTokens:
    """`caller(token)`: the cluster itself says whose token it is, if it was made for our audience."""

    def __init__(self, cluster: Cluster, audience: str) -> None:
        self._cluster, self._audience = cluster, audience
        self._answers: Answers[Caller | None] = Answers()

    async def caller(self, token: str) -> Caller:
        question = hashlib.sha256(token.encode()).hexdigest()
        found = await self._answers.get(question, lambda: self._reviewed(token, question))
        if found is None:
            raise Unauthenticated("The cluster does not accept this token for this service; get a new one.")
        return found

    async def _reviewed(self, token: str, question: str) -> Caller | None:
        status = await self._cluster.token_review(token, self._audience)
        user = status.get("user")
        made_for = status.get("audiences")
        if status.get("authenticated") is not True or not isinstance(user, dict) or not user.get("username"):
            return None
        if not isinstance(made_for, list) or self._audience not in made_for:
            return None  # a server that does not know audiences leaves them out, and would accept any token
        if len(str(user["username"])) > LONGEST_NAME:
            return None  # authors of versions are kept in columns of that width
        groups = tuple(str(group) for group in user.get("groups") or ())
        return Caller(
            name=str(user["username"]), kind="kubernetes", groups=groups, uid=str(user.get("uid", "")), credential=question[:32]
        )  # fmt: skip


class Reviews:
    """The authoriser that asks the cluster."""

    def __init__(self, cluster: Cluster, projects: Projects) -> None:
        self._cluster, self._projects = cluster, projects
        self._answers: Answers[bool] = Answers()

    async def may(self, caller: Caller, right: Right, project: Project | None) -> bool:
        if caller.scopes is not None and not within(caller.scopes, right):
            return False
        if caller.project and (project.id if project is not None else "") != caller.project:
            return project is None and right in EVERYBODY
        if project is None and right in EVERYBODY:
            return True
        spec = _spec(caller, right, project.name if project is not None else "")
        question = (spec["user"], tuple(spec["groups"]), spec["uid"], right, project.name if project else "")
        return await self._answers.get(question, lambda: self._cluster.access_review(spec))

    async def visible(self, caller: Caller) -> frozenset[str] | None:
        every = await self._projects()
        return frozenset([one.id for one in every if await self.may(caller, ("get", "projects"), one)])


def _spec(caller: Caller, right: Right, namespace: str) -> dict[str, Any]:
    verb, resource = right
    resource, _, sub = resource.partition("/")
    user, groups = identity(caller)
    attributes = {
        "group": GROUP,
        "verb": verb,
        "resource": resource,
        "subresource": sub,
        "namespace": namespace,
    }
    return {"user": user, "groups": list(groups), "uid": caller.uid, "resourceAttributes": attributes}


def identity(caller: Caller) -> tuple[str, tuple[str, ...]]:
    """User and groups as the cluster is asked about them."""
    if caller.kind == "kubernetes":
        return caller.name, caller.groups
    if (caller.kind == "oidc") == caller.name.startswith(OURS) or any(
        one.startswith(RESERVED) for one in (caller.name, *caller.groups)
    ):
        raise PolicyDenied(
            f"Names and groups that begin with {RESERVED!r} belong to the cluster, names that begin with {OURS!r} to accounts."
        )
    return caller.name, caller.groups
