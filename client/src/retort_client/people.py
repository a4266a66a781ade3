"""People through the API: logging in and out, members, invitations, keys, protected branches, quotas, the audit."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import SecretStr

from retort_client.credentials import Kept, Store
from retort_client.session import Client
from retort_core.auditing import Anchor, Finding, Verifier
from retort_core.http import routes as paths
from retort_core.http.access import (
    Account,
    AuditHeads,
    InvitationCreate,
    Key,
    KeyCreate,
    Me,
    Member,
    NewInvitation,
    NewKey,
    Quota,
    QuotaChange,
    Role,
    Scope,
    Tokens,
)
from retort_core.http.datasets import Project, ProjectCreate
from retort_core.http.versions import Branch


class People:
    """Of one service; members, keys of a project and its audit are those of the client's project."""

    def __init__(self, client: Client, store: Store | None = None) -> None:
        self._client, self._store = client, store or Store()

    # -- oneself -----------------------------------------------------------------------------------------

    def login(self, name: str, password: SecretStr) -> Me:
        """The tokens are kept for the next commands."""
        body = {"name": name, "password": password.get_secret_value()}
        reply = self._client.request("POST", paths.LOGIN, names={}, json=body)
        self._store.put(self._client.url, Kept.of(Tokens.model_validate_json(reply.content)))
        return self.me()

    def register(self, name: str, password: SecretStr, invitation: str = "") -> Account:
        body = {"name": name, "password": password.get_secret_value(), "invitation": invitation}
        reply = self._client.request("POST", paths.ACCOUNTS, names={}, json=body)
        return Account.model_validate_json(reply.content)

    def logout(self, *, everywhere: bool = False) -> None:
        """Here and at the service; forgotten here even when the service does not answer."""
        try:
            self._client.request(
                "POST", paths.LOGOUT, names={}, params={"everywhere": str(everywhere).lower()}
            )
        finally:
            self._store.put(self._client.url, None)

    def me(self) -> Me:
        return self._client.get(paths.ME, Me)

    def keys(self) -> list[Key]:
        return list(self._client.pages(paths.KEYS, Key))

    def make_key(self, title: str, scopes: tuple[Scope, ...], project: str = "", days: int = 90) -> NewKey:
        """The key is shown this once."""
        return self._client.post(
            paths.KEYS, NewKey, KeyCreate(title=title, scopes=scopes, project=project, days=days)
        )

    def end_key(self, identifier: str) -> None:
        self._client.request("DELETE", paths.KEY, names={"key": identifier})

    # -- projects and their people -----------------------------------------------------------------------

    def projects(self) -> list[Project]:
        return list(self._client.pages(paths.PROJECTS, Project))

    def make_project(self, name: str) -> Project:
        return self._client.post(paths.PROJECTS, Project, ProjectCreate(name=name))

    def members(self) -> list[Member]:
        return list(self._client.pages(paths.MEMBERS, Member))

    def put_member(self, subject: str, role: Role) -> Member:
        body = Member(subject=subject, role=role).model_dump_json()
        reply = self._client.request("PUT", paths.MEMBERS, names={}, content=body)
        return Member.model_validate_json(reply.content)

    def remove_member(self, subject: str) -> None:
        self._client.request("DELETE", paths.MEMBERS, names={}, params={"subject": subject})

    def invite(self, role: Role, hours: int = 72) -> NewInvitation:
        body = InvitationCreate(role=role, hours=hours)
        return self._client.post(paths.PROJECT_INVITATIONS, NewInvitation, body)

    def quota(self) -> Quota:
        return self._client.get(paths.QUOTA, Quota)

    def put_quota(self, wanted: QuotaChange) -> Quota:
        reply = self._client.request("PUT", paths.QUOTA, names={}, content=wanted.model_dump_json())
        return Quota.model_validate_json(reply.content)

    def protect(self, dataset: str, branch: str, *, protected: bool = True) -> Branch:
        method = "PUT" if protected else "DELETE"
        reply = self._client.request(method, paths.PROTECTION, names={"dataset": dataset, "branch": branch})
        return Branch.model_validate_json(reply.content)

    # -- the audit ---------------------------------------------------------------------------------------

    def audit(self, *, system: bool = False, after: tuple[Anchor, ...] = ()) -> Iterator[str]:
        """Lines as the service has them, from where an earlier export ended."""
        template = paths.SYSTEM_AUDIT if system else paths.AUDIT
        places = [f"{one.lane}:{one.seq}" for one in after]
        with self._client.stream(
            "GET", template, names={}, params={"after": places} if places else {}
        ) as reply:
            yield from reply.iter_lines()

    def audit_heads(self, *, system: bool = False) -> AuditHeads:
        return self._client.get(paths.SYSTEM_AUDIT_HEADS if system else paths.AUDIT_HEADS, AuditHeads)

    def verify_audit(self, anchors: tuple[Anchor, ...] = (), *, system: bool = False) -> Verifier:
        """Every line is fetched and its hash computed here; the service is asked only where the lanes end."""
        told = self.audit_heads(system=system)
        ends = tuple(Anchor(lane=head.lane, seq=head.seq, hash=head.hash) for head in told.heads)
        verifier = Verifier(chain=told.chain, anchors=(*ends, *anchors))
        for line in self.audit(system=system):
            verifier.text(line)
        verifier.finish()
        verifier.findings += [
            Finding(problem="unsealed", lane=head.lane, seq=head.seq)
            for head in told.heads
            if not head.sealed
        ]
        return verifier
