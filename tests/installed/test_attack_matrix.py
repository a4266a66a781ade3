"""Somebody with `edit` in a namespace of his own tries what is not his, on the installed product.

Declared in `tools/attacks.py`, group "project". Where two barriers stand, each is taken away in turn and then both: the right
is granted, the binding of the admission policy is removed. What must succeed then is a dry run of the API server wherever it
would change something; an `exec` is a real one.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import attacks
import pytest
from attacks import BOTH, NEITHER, NO_FIRST, NO_SECOND, Attack, Seen
from tests.cluster.kube import Program, Refused
from tests.installed.conftest import AMY, EXECUTORS, PROJECT, Installation
from tests.installed.work import DROP

from retort_core.resources.v1alpha1 import ExecutorProfileSpec
from retort_operator.pods import Maker

pytestmark = pytest.mark.timeout(500)  # the first one follows the page
CELLS = list(attacks.cells("project"))
HIS = "mallory-s"
MALLORY = f"system:serviceaccount:{HIS}:mallory"
DRY = "--dry-run=server"
MANY = 100  # tasks at once; tests/installed/test_tenant_load.py has more
SOON = 45.0  # seconds of another project's task beside them
BINDING = "validatingadmissionpolicybinding"
RBAC = {"apiVersion": "rbac.authorization.k8s.io/v1"}


@dataclass(frozen=True)
class Attacker:
    installation: Installation
    theirs: str  # a version of the other project
    env: dict[str, str]

    @property
    def admin(self) -> Program:
        return self.installation.kubectl

    @property
    def own(self) -> Program:
        return self.admin.inside(HIS).as_user(MALLORY)

    def retort(self, *arguments: str, **env: str) -> str:
        return self.installation.retort(*arguments, **{**self.env, **env})

    def task(self, source: dict[str, Any], **spec: Any) -> dict[str, Any]:
        name = f"m-{uuid.uuid4().hex[:8]}"
        place = {"datasetName": "survey", "base": "main", "branch": name}
        body = {"requester": MALLORY, "source": source, "review": "Auto", **place, **spec}
        return {
            "apiVersion": "retort.dev/v1alpha1", "kind": "AgentTask", "metadata": {"name": name, "namespace": HIS}, "spec": body,
        }  # fmt: skip

    def ended(self, source: dict[str, Any], **spec: Any) -> str:
        """What a task was told; OUT when it did what was asked."""
        body = self.task(source, **spec)
        try:
            self.own.apply(body)
        except Refused as problem:
            return said(problem)
        status = self._until_over(body["metadata"]["name"])
        return attacks.OUT if status["phase"] == "Complete" else status["message"]

    def _until_over(self, name: str) -> dict[str, Any]:
        end = time.monotonic() + 90
        while True:
            status: dict[str, Any] = self.admin.inside(HIS).json("get", "agenttask", name).get("status") or {}
            if status.get("phase") in ("Complete", "Failed"):
                return status
            assert time.monotonic() < end, status
            time.sleep(0.3)


def said(problem: Refused) -> str:
    """The sentence of whoever refused, without names of this run."""
    text = str(problem)
    for mark, word in (("denied request: ", ""), ("Too long", "Too long"), ("cannot ", "forbidden")):
        if mark in text:
            return word or text.partition(mark)[2].splitlines()[0].strip()[:160]
    return " ".join(text.split())[:160]


def tried(act: Callable[[], object]) -> str:
    try:
        act()
    except Refused as problem:
        return said(problem)
    return attacks.OUT


def until(act: Callable[[], object], wanted: Callable[[str], bool], seconds: float = 30) -> str:
    """The word, once it is one of those wanted: rights and policies take effect a moment after they are stored."""
    end = time.monotonic() + seconds
    while True:
        word = tried(act)
        if wanted(word) or time.monotonic() > end:
            return word
        time.sleep(0.2)


@pytest.fixture(scope="module")
def attacker(installation: Installation) -> Iterator[Attacker]:
    kubectl = installation.kubectl
    env = installation.editor(HIS, "mallory")
    installation.forward()
    commits = installation.project.json("get", "datacommits")["items"]
    # The first version: others may have been made by tests that ran before, without the column dropped here.
    theirs = next(
        one["spec"]["commit"]
        for one in commits
        if one["spec"]["datasetName"] == "survey" and not one["spec"].get("parents")
    )
    found = Attacker(installation, theirs, env)
    found.retort("load", "survey.csv")
    yield found
    kubectl("delete", "namespace", HIS, "--timeout=150s", seconds=180)


@dataclass(frozen=True)
class Trial:
    """An act that a right and the binding of a policy stand against, and the object that grants the right."""

    key: str
    act: Callable[[], object]
    grant: Sequence[dict[str, Any]]
    binding: str

    def run(self, admin: Program) -> Seen:
        found = {BOTH: tried(self.act)}
        admin.apply(*self.grant)
        try:
            found[NO_FIRST] = until(self.act, lambda word: "forbidden" not in word)
            with admin.without(BINDING, self.binding):
                found[NEITHER] = until(self.act, lambda word: word == attacks.OUT)
                admin("delete", "-f", "-", given=self.grant)
                found[NO_SECOND] = until(self.act, lambda word: word != attacks.OUT)
                admin.apply(*self.grant)
                until(self.act, lambda word: word == attacks.OUT)
            until(self.act, lambda word: word != attacks.OUT)  # it holds again, for the tests that follow
        finally:
            admin("delete", "-f", "-", "--ignore-not-found", given=self.grant)
        return {(self.key, cell): word for cell, word in found.items()}


def granted(namespace: str, role: str) -> list[dict[str, Any]]:
    subject = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": MALLORY}
    return [{
        **RBAC, "kind": "RoleBinding", "metadata": {"name": "test-mallory", "namespace": namespace}, "subjects": [subject],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
    }]  # fmt: skip


def allowed(namespace: str, group: str, resource: str, verb: str, name: str = "") -> list[dict[str, Any]]:
    rule: dict[str, Any] = {"apiGroups": [group], "resources": [resource], "verbs": [verb]}
    rule |= {"resourceNames": [name]} if name else {}
    role = {
        **RBAC,
        "kind": "Role",
        "metadata": {"name": "test-mallory", "namespace": namespace},
        "rules": [rule],
    }
    (binding,) = granted(namespace, "")
    binding["roleRef"] = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "test-mallory"}
    return [role, binding]


@pytest.fixture(scope="module")
def seen(attacker: Attacker) -> Seen:
    found: Seen = {}
    for part in (_closed, _others, _profile, _requests, _requester, _many):
        found |= part(attacker)
    attacks.record(found)
    return found


def _closed(at: Attacker) -> Seen:
    """The executors' namespace, and what the operator alone writes."""
    executors, own = at.admin.inside(EXECUTORS).as_user(MALLORY), at.own
    spec = ExecutorProfileSpec.model_validate({"image": "localhost/none:1", "resources": {"memory": "64Mi"}})
    pod = Maker(namespace=EXECUTORS, secret=b"").executor("default", spec)
    policy = {
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "open"},
        "spec": {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{}]},
    }  # fmt: skip
    mine = at.task(DROP)
    own.apply(mine)
    at.installation.idle(2)
    forged = ("patch", "agenttask", mine["metadata"]["name"], "--subresource=status", "--type=merge", DRY)
    admin = granted(EXECUTORS, "admin")
    retort = ("retort.dev",)
    trials = (
        Trial("pod", lambda: executors("create", DRY, "-f", "-", given=pod), admin, "retort-executor-pods"),
        Trial("policy", lambda: executors("create", DRY, "-f", "-", given=policy), admin, "retort-executor-namespace"),
        Trial("exec", lambda: _look_inside(at, executors), admin, "retort-executor-namespace"),
        Trial("status", lambda: own(*forged, "-p", '{"status":{"message":"forged"}}'), allowed(HIS, *retort, "agenttasks/status", "patch"), "retort-status"),
        Trial("version", lambda: own("create", DRY, "-f", "-", given=_version()), allowed(HIS, *retort, "datacommits", "create"), "retort-status"),
    )  # fmt: skip
    found: Seen = {}
    for trial in trials:
        found |= trial.run(at.admin)
    return found


def _look_inside(at: Attacker, executors: Program) -> None:
    idle = at.admin.inside(EXECUTORS)("get", "pods", "-l", "retort.dev/state=idle", "-o", "name").split()
    executors("exec", idle[0], "--", "/opt/retort/bin/python", "-I", "-c", "print('in')")


def _version() -> dict[str, Any]:
    spec = {
        "commit": "a" * 64, "sequence": 1, "datasetName": "survey", "root": "b" * 64, "title": "forged", "change": "plan",
        "author": AMY, "committedAt": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    return {
        "apiVersion": "retort.dev/v1alpha1", "kind": "DataCommit", "metadata": {"name": "forged", "namespace": HIS}, "spec": spec,
    }  # fmt: skip


def _others(at: Attacker) -> Seen:
    """Another project's tasks and versions."""
    his = at.admin.inside(PROJECT).as_user(MALLORY)
    looked = ("get", "agenttasks,datacommits", "-o", "json")
    grant = granted(PROJECT, "retort-viewer")
    found = {("tasks-of-others", BOTH): tried(lambda: his(*looked))}
    at.admin.apply(*grant)
    try:
        until(lambda: his(*looked), lambda word: word == attacks.OUT)
        objects = his(*looked)
        # A cell that stands by itself is of a table; what sentences may quote is in docs/explanation/access.md.
        cells = any(f'"{cell}"' in objects for cell in ("Paris", "Rome", "Oslo"))
        found["tasks-of-others", NO_FIRST] = attacks.OUT if cells else "seen; sentences, no table"
    finally:
        at.admin("delete", "-f", "-", given=grant)
    # Its owner may do both, or a refusal would say nothing.
    for mine, base in (({"restore": {"commit": at.theirs}}, "main"), (DROP, at.theirs)):
        at.installation.done(mine, base=base, branch=f"own-{uuid.uuid4().hex[:6]}", review="Auto")
    found["commit-of-others", BOTH] = _without_digits(at, at.ended(DROP, base=at.theirs))
    found["restore-of-others", BOTH] = _without_digits(at, at.ended({"restore": {"commit": at.theirs}}))
    at.installation.retort("say", "how many rows are there")
    talks = [
        one["spec"].get("conversation") for one in at.admin.inside(PROJECT).json("get", "agenttasks")["items"]
    ]
    talk = next(one for one in talks if one)
    said_there = at.ended({"command": {"verb": "approve"}}, conversation=talk)
    found["conversation-of-others", BOTH] = said_there.replace(talk, "…")
    found["http", BOTH] = _without_digits(
        at, tried(lambda: at.retort("show", "main", RETORT_PROJECT=PROJECT))
    )
    found["http", NO_FIRST] = _without_digits(at, tried(lambda: at.retort("show", at.theirs)))
    return found


def _without_digits(at: Attacker, word: str) -> str:
    """The same in each run."""
    for length in (64, 12, 10, 8):
        word = word.replace(at.theirs[:length], "…")
    return word[:160]


def _profile(at: Attacker) -> Seen:
    """Cold Pods of a profile that is for another project; a running task is seen to its end."""
    executors, body = (
        at.admin.inside(EXECUTORS),
        at.admin.inside(EXECUTORS).json("get", "executorprofile", "default"),
    )
    spec = {**body["spec"], "replicas": 0, "capacity": 1, "allowedNamespaces": [PROJECT]}
    private = {
        "apiVersion": body["apiVersion"],
        "kind": body["kind"],
        "metadata": {"name": "private"},
        "spec": spec,
    }
    grant = allowed(HIS, "retort.dev", "executorprofiles", "use", "private")

    def ask() -> str:
        return at.ended(DROP, profileName="private")

    executors.apply(private)
    try:
        found = {BOTH: ask()}
        at.admin.apply(*grant)
        until(
            lambda: at.own("create", DRY, "-f", "-", given=at.task(DROP, profileName="private")),
            lambda word: word == attacks.OUT,
        )
        found[NO_FIRST] = ask()
        executors.apply({**private, "spec": {**spec, "allowedNamespaces": ["*"]}})
        found[NEITHER] = ask()
        at.admin("delete", "-f", "-", given=grant)
        dry = at.task(DROP, profileName="private")
        found[NO_SECOND] = until(
            lambda: at.own("create", DRY, "-f", "-", given=dry), lambda word: word != attacks.OUT
        )
    finally:
        executors("delete", "executorprofile", "private")
    return {("profile", cell): word for cell, word in found.items()}


def _requests(at: Attacker) -> Seen:
    """What he may send in his own namespace."""
    large = at.task({"instruction": {"text": "x" * (1 << 20)}})
    beside = at.task(DROP)
    beside["metadata"]["annotations"] = {"large": "x" * (1 << 20)}
    return {
        ("large", BOTH): tried(lambda: at.own("create", "-f", "-", given=large)),
        ("large", NO_FIRST): tried(lambda: at.own("create", "-f", "-", given=beside)),
    }


def _requester(at: Attacker) -> Seen:
    """A task in amy's name in his own namespace."""

    def sent() -> object:
        return at.own("create", DRY, "-f", "-", given=at.task(DROP, requester=AMY))

    found = {BOTH: tried(sent)}
    with at.admin.without(BINDING, "retort-agenttasks"):
        until(sent, lambda word: word == attacks.OUT)
        found[NEITHER] = at.ended(DROP, requester=AMY)
    until(sent, lambda word: word != attacks.OUT)  # it holds again, for the tests that follow
    return {("requester", cell): word for cell, word in found.items()}


def _many(at: Attacker) -> Seen:
    """Half of them within a quota; then all, and a task of the other project beside those that wait."""
    admin = at.admin.inside(HIS)
    there = len(admin.json("get", "agenttasks")["items"])
    quota = {
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few"},
        "spec": {"hard": {"count/agenttasks.retort.dev": str(there + MANY // 2)}},
    }  # fmt: skip
    admin.apply(quota)
    admin(
        "wait",
        "resourcequota/few",
        f"--for=jsonpath={{.status.used.count/agenttasks\\.retort\\.dev}}={there}",
        "--timeout=30s",
    )
    word = tried(lambda: at.own("create", "-f", "-", given=[at.task(DROP) for _ in range(MANY)]))
    made = len(admin.json("get", "agenttasks")["items"]) - there
    found = {BOTH: "exceeded quota" if made == MANY // 2 and "exceeded quota" in word else attacks.OUT}
    admin("delete", "resourcequota", "few")
    at.own("create", "-f", "-", given=[at.task(DROP) for _ in range(MANY)], seconds=120)
    began = time.monotonic()
    at.installation.done(DROP, base="main", branch=f"beside-{uuid.uuid4().hex[:6]}", review="Auto")
    soon = time.monotonic() - began < SOON
    found[NO_FIRST] = "another project's task ended soon" if soon else attacks.OUT
    return {("many", cell): word for cell, word in found.items()}


# What a refusal never says: something was not there to refuse.
BROKEN = (
    "connection",
    "timed out",
    "no such host",
    "unavailable",
    "internal error",
    "session-lost",
    "sandbox",
)


@pytest.mark.parametrize(("attack", "cell"), CELLS, ids=[f"{one.key}, {cell}" for one, cell in CELLS])
def test_cell(seen: Seen, attack: Attack, cell: str) -> None:
    assert (attack.key, cell) in seen, "declared and not tried"
    word = seen[attack.key, cell]
    assert not attacks.stands(attack, cell, word)
    assert not [one for one in BROKEN if one in word.lower()], f"nobody refused it, something failed: {word}"


def test_the_owner_goes_on(seen: Seen, attacker: Attacker) -> None:
    """After all of it: a task of the other project ends well, and nothing of it has changed."""
    installation = attacker.installation
    installation.done(DROP, base="main", branch=f"after-{uuid.uuid4().hex[:6]}", review="Auto")
    assert "Rome" in installation.retort("show", "main")
