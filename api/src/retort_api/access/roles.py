"""What each role may do, as one table: pure, so that the whole matrix is one test.

member    asks and reads: whatever of it changes data waits for the yes of somebody who may change it
analyst   manages data and runs everything; may say yes, except where a branch is protected
admin     of a project: its people, its protected branches, its audit
system    administrators are everything everywhere; only they make accounts, set quotas and read the system's audit
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from retort_api.access.authoriser import Right, Verb
from retort_core.http.access import Role, Scope

READ: Final[tuple[Verb, ...]] = ("get", "list")
_READABLE: Final = (
    "projects", "datasets", "branches", "commits", "tables", "exports", "conversations", "tasks", "results",
    "members", "quotas", "templates", "conventions",
)  # fmt: skip

_MEMBER: Final[frozenset[Right]] = frozenset(
    {
        *((verb, resource) for verb in READ for resource in _READABLE),
        ("create", "conversations"),
        ("run", "tasks"),
        ("cancel", "tasks"),
    }
)
_ANALYST: Final[frozenset[Right]] = _MEMBER | {
    ("create", "datasets"),
    ("create", "uploads"),
    ("create", "branches"),
    ("create", "templates"),
    ("delete", "templates"),
    ("update", "branches"),
    ("run", "tasks/others"),  # speak in others' conversations, answer and cancel their tasks
    ("run", "scripts"),
    ("approve", "tasks"),
    ("update", "conventions"),
}
_ADMIN: Final[frozenset[Right]] = _ANALYST | {
    ("update", "branches/protected"),
    ("update", "protections"),
    ("update", "members"),
    ("delete", "members"),
    ("create", "invitations"),
    ("get", "audit"),
}
RIGHTS: Final[dict[Role, frozenset[Right]]] = {"member": _MEMBER, "analyst": _ANALYST, "admin": _ADMIN}

# Of the system, without any project: what everybody who is logged in may.
EVERYBODY: Final[frozenset[Right]] = frozenset(
    {("get", "about"), ("list", "projects"), ("get", "me"), ("update", "me"), ("list", "keys"), ("create", "keys"), ("delete", "keys")}
)  # fmt: skip

_SCOPED: Final[dict[Scope, tuple[Verb, ...]]] = {
    "read": READ,
    "run": ("get", "list", "run", "cancel"),
    "manage": ("get", "list", "run", "cancel", "create", "update", "approve"),
    "admin": ("get", "list", "run", "cancel", "create", "update", "approve", "delete"),
}
# What only the scope `admin` opens, whatever the verb: people, their rights, and the record of it all.
_GUARDED: Final = frozenset(
    {"members", "invitations", "accounts", "audit", "quotas", "protections", "branches/protected"}
)


def within(scopes: Collection[Scope], right: Right) -> bool:
    """Whether a key with these scopes may use this right of its owner. No key makes keys or changes passwords."""
    verb, resource = right
    if resource in ("keys", "me") and verb not in READ:
        return False
    if resource in _GUARDED and (verb not in READ or resource in ("audit", "accounts")):
        return "admin" in scopes
    if right == ("run", "scripts"):
        return "run" in scopes or "manage" in scopes or "admin" in scopes
    if right == ("create", "conversations"):
        return any(scope != "read" for scope in scopes)
    return any(verb in _SCOPED[scope] for scope in scopes)
