"""Commits, branches and the graph as people see them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from retort_api.access import member_repository
from retort_api.commits.records import CommitRecord, Ref
from retort_api.scopes import InDataset
from retort_core.http.versions import Branch, Commit, CommitDetail
from retort_core.identity import short


def public(record: CommitRecord, heads: Mapping[str, tuple[str, ...]]) -> Commit:
    return Commit(
        id=record.id,
        short=short(record.id),
        root=record.root,
        parents=record.parents,
        generation=record.generation,
        kind=record.kind,
        title=record.title,
        instruction=record.instruction,
        author=record.author,
        created_at=record.created_at,
        task=record.task,
        counts=record.counts,
        branches=heads.get(record.id, ()),
    )


def branch(ref: Ref, protected: frozenset[str]) -> Branch:
    return Branch(
        name=ref.name, kind=ref.kind, head=ref.head, version=ref.version, updated_at=ref.updated_at,
        protected=ref.name in protected,
    )  # fmt: skip


async def protected(scope: InDataset) -> frozenset[str]:
    """Names of the branches that only an administrator of the project changes."""
    async with scope.services.database.read() as connection:
        return await member_repository.protected(connection, scope.dataset.id)


def heads(refs: Iterable[Ref]) -> dict[str, tuple[str, ...]]:
    """Commit -> names of the branches and tags that point at it."""
    found: dict[str, tuple[str, ...]] = {}
    for ref in refs:
        if ref.kind != "staging":
            found[ref.head] = (*found.get(ref.head, ()), ref.name)
    return found


async def at(scope: InDataset, ref: str) -> CommitRecord:
    """The version a person means."""
    identifier = await scope.services.log.resolve(scope.dataset.id, ref)
    return await scope.services.log.get(scope.dataset.id, identifier)


async def detail(scope: InDataset, record: CommitRecord) -> CommitDetail:
    refs = await scope.services.log.refs(scope.dataset.id)
    schema = await scope.services.library.schema(record.snapshot)
    return CommitDetail(
        **dict(public(record, heads(refs))),
        schema_=schema,
        plan=record.plan,
        has_script=bool(record.script),
        versions=record.details.get("versions", {}),
    )


async def line(scope: InDataset, head: str) -> list[CommitRecord]:
    """From `head` back along all parents, newest first."""
    commits = await scope.services.log.commits(scope.dataset.id)
    wanted = {head}
    found = []
    for record in commits:
        if record.id in wanted:
            found.append(record)
            wanted.update(record.parents)
    return found


def reachable(commits: Iterable[CommitRecord], tips: Iterable[str]) -> list[CommitRecord]:
    """Versions that any of `tips` leads to, newest first; what never was a head (a refused result) is left out."""
    wanted = set(tips)
    found = []
    for record in commits:
        if record.id in wanted:
            found.append(record)
            wanted.update(record.parents)
    return found
