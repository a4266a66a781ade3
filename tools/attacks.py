"""Attacks on a real Pod and on the installed product, the barriers against each, and what must come of it with which barriers.

Declared here, tried by the tests that `GROUPS` names, shown on docs/reference/attack-matrix.md. A test fails when a declared
cell was not tried or came out differently; what it saw is compared with, and on wish written to, the file of RESULTS.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from bootstrap import ROOT

RESULTS: Final = ROOT / "docs" / "reference" / "attack-matrix.json"
RECORD: Final = "RETORT_RECORD_ATTACKS"  # set: what was seen is written to RESULTS
OUT: Final = "out"
Cell: TypeAlias = Literal["both", "without the first", "without the second", "without either"]
Words: TypeAlias = Mapping[str, Mapping[str, str]]
Seen: TypeAlias = dict[tuple[str, str], str]  # attack and cell: the word of what came of it
BOTH, NO_FIRST, NO_SECOND, NEITHER = CELLS = (
    "both", "without the first", "without the second", "without either",
)  # fmt: skip


@dataclass(frozen=True)
class Group:
    title: str
    says: str
    test: str  # node id of the test that tries every cell of the group
    columns: tuple[str, ...] = CELLS


@dataclass(frozen=True)
class Attack:
    """`out`: the cells in which it must succeed, which shows that the attempt is a real one; in all others it must not."""

    key: str
    group: str
    title: str
    first: str
    second: str
    cells: tuple[str, ...] = CELLS
    out: frozenset[str] = field(default=frozenset({NEITHER}))


GROUPS: Final[Mapping[str, Group]] = {
    "network": Group(
        "Network: bytes leave the Pod, or a stranger comes in",
        "Every target is a Pod, a Service or the node of the test's own cluster, where something listens.",
        "tests/cluster/test_attack_matrix.py::test_cell",
    ),
    "tenants": Group(
        "Another tenant's bytes",
        "The same, aimed at files, processes and memory.",
        "tests/cluster/test_attack_matrix.py::test_cell",
    ),
    "resources": Group(
        "Resources",
        "The hard limit answers with its sentence; where it is taken away or set out of reach, the backstop ends the run or "
        "refuses more. After all of them an executor of the same namespace does an honest run.",
        "tests/cluster/test_attack_limits.py::test_cell",
        (BOTH, NO_FIRST),
    ),
    "project": Group(
        "Somebody with `edit` in a namespace of his own",
        "Tried with `kubectl` on the installed product. Rights are taken away by granting the attacker what he lacks, "
        "admission by removing the binding of its policy, the rights of a project by asking in one's own for what is theirs. "
        "Where – stands for the second, the first is all there is: a query that names the project cannot be taken away, and a task in "
        "somebody else's name reaches what is in the attacker's own namespace, and no more.",
        "tests/installed/test_attack_matrix.py::test_cell",
    ),
}
WALLS: Final = "walls of the worker (filter, Landlock)"
POLICY: Final = "NetworkPolicy"
NONE: Final = ""  # one barrier is all there is
OWN_NETWORK: Final = "the Pod's own network namespace"
_NETWORK: Final = {
    "tcp-pod": "TCP to a Pod",
    "tcp-service": "TCP to a Service",
    "tcp-executor": "TCP to another executor",
    "tcp-api": "TCP to the API server",
    "tcp-node": "TCP to the node",
    "tcp-kubelet": "TCP to the kubelet",
    "tcp-link-local": "TCP to a link-local address of the node, as metadata services have",
    "udp-pod": "UDP to a Pod",
    "udp-service": "UDP to a Service",
    "dns": "a question to the cluster's name server by its address",
}
_OWN: Final = {
    "loopback-node": "TCP to a service on the node's loopback",
    "abstract-node": "an abstract unix socket of the node",
}
ATTACKS: Final = (
    *(Attack(key, "network", title, WALLS, POLICY) for key, title in _NETWORK.items()),
    Attack("dns-name", "network", "a name, asked as programs do", WALLS, "NetworkPolicy, no name server"),
    Attack("icmp", "network", "ICMP by a raw socket", WALLS, "no capability, NetworkPolicy"),
    *(Attack(key, "network", title, WALLS, OWN_NETWORK) for key, title in _OWN.items()),
    Attack("stranger", "network", "a stranger gives an idle executor a job", "session key of the Pod", POLICY),
    Attack("token", "tenants", "a token of the cluster", WALLS, "none is mounted"),
    Attack("environment", "tenants", "the session key, in the environment of the Pod's first process", WALLS, "non-dumpable processes"),
    Attack("memory", "tenants", "the same, in its memory", WALLS, "non-dumpable processes"),
    Attack("other-pod", "tenants", "the environment of another Pod's process on the node", WALLS, "the Pod's own process namespace"),
    Attack("program", "tenants", "starting a program", "filter: no new process", "Landlock: nothing executable"),
    Attack("mark", "tenants", "a file left for whoever comes next", "Landlock: nothing writable", "limit of 0 bytes on files"),
    Attack("second-run", "tenants", "a second run in the same Pod finds what the first left", "each run in a process forked before any job", "the door lets one client in, once", (BOTH, NO_SECOND, NEITHER)),
    Attack("fork-bomb", "resources", "processes without end", "filter: no new process", "limit of processes of the Pod", (BOTH, NO_FIRST), frozenset()),
    Attack("thread-bomb", "resources", "threads without end", "watch of the supervisor", "limit of processes of the Pod", (BOTH, NO_FIRST), frozenset()),
    Attack("memory-bomb", "resources", "memory without end", "watch of the supervisor", "memory limit of the container", (BOTH, NO_FIRST), frozenset()),
    Attack("endless", "resources", "a run that never ends", "deadline of the run", "deadline of the session, kept by the Pod itself", (BOTH, NO_FIRST), frozenset()),
    Attack("result-flood", "resources", "a result without end", "counted by the supervisor", "counted by the broker", (BOTH, NO_FIRST), frozenset()),
    Attack("log-flood", "resources", "a log without end", "cut by the supervisor, the run goes on", "deadline of the run", (BOTH, NO_FIRST), frozenset()),
    Attack("disk-tmp", "resources", "filling /tmp", WALLS, "bounded memory volume", (BOTH, NO_FIRST), frozenset()),
    Attack("disk-root", "resources", "filling the root", WALLS, "read-only root", (BOTH, NO_FIRST), frozenset()),
    Attack("disk-shm", "resources", "filling /dev/shm", WALLS, "bounded by the runtime, counted as the container's memory", (BOTH, NO_FIRST), frozenset()),
    Attack("tasks-of-others", "project", "tasks and versions of another namespace", "RBAC", "no table is in an object; its sentences quote a few cells", (BOTH, NO_FIRST), frozenset()),
    Attack("commit-of-others", "project", "a task that starts from another project's version", "versions are looked up in the task's own project", NONE, (BOTH,), frozenset()),
    Attack("restore-of-others", "project", "a task that restores another project's version", "versions are looked up in the task's own project", NONE, (BOTH,), frozenset()),
    Attack("conversation-of-others", "project", "a yes in another project's conversation", "a conversation must be the requester's own, about the same dataset", NONE, (BOTH,), frozenset()),
    Attack("http", "project", "another project over HTTP, with a token of one's own", "rights are asked per project", "every query takes its ids from one project", (BOTH, NO_FIRST), frozenset()),
    Attack("profile", "project", "an executor profile of others", "admission: the verb `use`", "`allowedNamespaces` of the profile"),
    Attack("pod", "project", "a Pod in the executors' namespace", "RBAC", "admission: only the operator makes Pods there"),
    Attack("policy", "project", "a policy that opens the executors' network", "RBAC", "admission: the namespace is closed"),
    Attack("exec", "project", "a program inside an executor", "RBAC", "admission: the namespace is closed"),
    Attack("status", "project", "a forged status", "RBAC", "admission: status is the operator's"),
    Attack("version", "project", "a forged DataCommit", "RBAC", "admission: versions are the operator's"),
    Attack("requester", "project", "a task in somebody else's name", "admission: `requester` is the caller", NONE, (BOTH, NEITHER)),
    Attack("large", "project", "1 MiB: in the spec; without the first, where no CRD sets bounds", "bounds of every field in the CRD", "limits of the API server on objects", (BOTH, NO_FIRST), frozenset()),
    Attack("many", "project", "tasks without end", "ResourceQuota on `count/agenttasks.retort.dev`", "projects take turns, 32 tasks of each at a time", (BOTH, NO_FIRST), frozenset()),
)  # fmt: skip


def of(*groups: str) -> tuple[Attack, ...]:
    return tuple(one for one in ATTACKS if one.group in groups)


def cells(*groups: str) -> Iterator[tuple[Attack, str]]:
    return ((one, cell) for one in of(*groups) for cell in one.cells)


def stands(attack: Attack, cell: str, word: str) -> str:
    """Empty when it came out as declared, else what is wrong."""
    if cell in attack.out:
        return (
            ""
            if word == OUT
            else f"{attack.title}, {cell}: it should get through, or it shows nothing: {word}"
        )
    return f"{attack.title}, {cell}: IT GOT THROUGH" if word == OUT else ""


def recorded() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    return found


def record(seen: Seen) -> None:
    """Written only on wish: a run on another kernel may be refused in other words, which changes nothing."""
    if not os.environ.get(RECORD):
        return
    known = {one.key: one for one in ATTACKS}
    words: dict[str, dict[str, str]] = {}
    for (key, cell), word in seen.items():
        words.setdefault(key, {})[cell] = word
    merged = {**recorded(), **words}
    kept = {
        key: {c: merged[key][c] for c in one.cells if c in merged[key]}
        for key, one in known.items()
        if key in merged
    }
    RESULTS.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", "utf-8")
