"""The matrix of roles and the limits of keys: pure tables, tested whole."""

from __future__ import annotations

import itertools

import pytest

from retort_api.access.roles import EVERYBODY, RIGHTS, within
from retort_api.access.rules import RULES

EVERY = frozenset().union(*RIGHTS.values())


def test_each_role_has_the_rights_of_the_one_below() -> None:
    assert RIGHTS["member"] < RIGHTS["analyst"] < RIGHTS["admin"]


def test_a_member_asks_and_reads() -> None:
    beyond = {right for right in RIGHTS["member"] if right[0] not in ("get", "list")}
    assert beyond == {("create", "conversations"), ("run", "tasks"), ("cancel", "tasks")}


def test_an_analyst_manages_data_and_no_people() -> None:
    rights = RIGHTS["analyst"]
    assert {("create", "uploads"), ("update", "branches"), ("run", "scripts"), ("approve", "tasks")} <= rights
    assert not {
        right for right in rights if right[1] in ("invitations", "protections", "audit", "branches/protected")
    }
    assert ("update", "members") not in rights


@pytest.mark.parametrize(
    "right", [("create", "projects"), ("update", "quotas"), ("update", "accounts"), ("list", "accounts")]
)
def test_what_concerns_the_system_is_in_no_role(right: tuple[str, str]) -> None:
    assert right not in EVERY
    assert right not in EVERYBODY


def test_every_route_can_be_opened_by_somebody_and_no_right_is_idle() -> None:
    """A misspelt resource would be a route that only system administrators open, or a right that opens nothing."""
    used = {(rule.verb, rule.resource) for rule in RULES.values() if not rule.open}
    system = used - EVERY - EVERYBODY
    assert system == {
        ("create", "projects"), ("update", "quotas"), ("list", "accounts"), ("update", "accounts"),
    }  # fmt: skip
    virtual = {
        ("update", "branches/protected"),
        ("run", "tasks/others"),
        ("run", "scripts"),
        ("update", "conventions"),
    }
    readable = {right for right in EVERY if right[0] in ("get", "list")}
    assert EVERY - used - virtual - readable == set()


def test_a_key_never_makes_keys_or_touches_its_owners_password() -> None:
    for scopes in ((), ("read",), ("run",), ("manage",), ("admin",), ("read", "run", "manage", "admin")):
        for right in (("create", "keys"), ("delete", "keys"), ("update", "me")):
            assert not within(scopes, right)


def test_scopes_only_add_up() -> None:
    order = ("read", "run", "manage", "admin")
    for lower, higher in itertools.pairwise(order):
        for right in EVERY:
            assert not within((lower,), right) or within((higher,), right), (lower, higher, right)


def test_a_key_that_reads_only_reads() -> None:
    allowed = {right for right in EVERY if within(("read",), right)}
    assert {verb for verb, _ in allowed} == {"get", "list"}
    assert ("get", "audit") not in allowed
