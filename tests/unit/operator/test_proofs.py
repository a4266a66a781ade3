"""What counts as proven, and what ends a proof."""

from __future__ import annotations

import json
import time

import pytest

from retort_core.probing import Barrier
from retort_operator.proofs import TOLD_NODES, UNUSED_SECONDS, Proof, Proofs, judge

GOOD = (Barrier("api-server", "timeout", "passed"), Barrier("ingress", "timeout", "passed"))


@pytest.mark.parametrize(
    ("barriers", "state", "named"),
    [
        (GOOD, "proven", ()),
        ((*GOOD, Barrier("to-dns", "timeout", "timeout")), "proven", ()),  # no name server to reach
        ((*GOOD, Barrier("to-dns", "passed", "passed")), "unproven", ("to-dns",)),
        ((*GOOD, Barrier("fork", "EPERM", "not tried")), "unknown", ("fork",)),
        (
            (GOOD[1], Barrier("api-server", "timeout", "timeout")),
            "unknown",
            ("api-server",),
        ),  # the control failed too
        ((GOOD[0],), "unknown", ("ingress",)),
        ((), "unknown", ("api-server", "ingress")),
    ],
)
def test_a_node_is_proven_only_by_refusals_that_a_control_got_through(
    barriers: tuple[Barrier, ...], state: str, named: tuple[str, ...]
) -> None:
    found = judge(barriers, "p")
    assert (found.state, found.barriers) == (state, named)


def policy(name: str = "closed", uid: str = "u", **spec: object) -> dict[str, object]:
    return {"metadata": {"name": name, "uid": uid}, "spec": {"podSelector": {}, **spec}}


def test_a_proof_ends_with_any_change_of_the_policies() -> None:
    proofs = Proofs(3600)
    assert proofs.of("n").barriers == ("no network policy",)
    proofs.policy(policy())
    assert proofs.due("n")
    proofs.store("n", Proof(state="proven", policies=proofs.policies))
    assert proofs.proven("n")
    assert not proofs.due("n")
    assert proofs.policy(policy(egress=[{}]))
    assert not proofs.proven("n")
    assert proofs.due("n")
    assert proofs.policy(policy())
    assert proofs.proven("n")  # it is again as it was when it was tried
    proofs.policy_gone("closed")
    assert not proofs.proven("n")
    assert not proofs.due("n")  # nothing can be proven without a policy


def test_a_proof_ends_with_time() -> None:
    proofs = Proofs(0)
    proofs.policy(policy())
    proofs.store("n", Proof(state="proven", policies=proofs.policies, at=-1.0))
    assert not proofs.proven("n")


def test_why_no_node_can_be_used_is_a_sentence_with_the_barrier() -> None:
    proofs = Proofs(3600)
    proofs.policy(policy())
    proofs.store("n", judge((*GOOD, Barrier("to-dns", "passed", "passed")), proofs.policies))
    assert proofs.problem({"n"}) == "not proven that executors reach nothing: n: to-dns"


def test_the_next_leader_takes_over_what_is_proven_with_its_age_and_its_policies() -> None:
    before, after = Proofs(3600), Proofs(3600)
    for one in (before, after):
        one.policy(policy())
    before.store("new", Proof(state="proven", policies=before.policies, at=time.monotonic() - 10))
    before.store("old", Proof(state="proven", policies=before.policies, at=time.monotonic() - 4000))
    before.store("other", Proof(state="proven", policies="other policies"))
    before.store("open", Proof(state="unproven", barriers=("to-dns",), policies=before.policies))
    after.adopt(before.told())
    assert [node for node in ("new", "old", "other", "open") if after.proven(node)] == ["new"]
    assert after.policy(policy(egress=[{}]))
    assert not after.proven("new")


def told_nodes(proofs: Proofs) -> set[str]:
    return set(json.loads(proofs.told()["retort.dev/proven"]))


def test_what_is_over_is_not_handed_on() -> None:
    """Regression: each leader handed on every node that was ever proven."""
    proofs = Proofs(3600)
    proofs.store("new", Proof(state="proven"))
    proofs.store("old", Proof(state="proven", at=time.monotonic() - 4000))
    assert told_nodes(proofs) == {"new"}, "even before the policies are known"


def test_a_node_without_executors_is_forgotten_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: nodes that were gone for long took the place of those in use in what the next leader is told."""
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    proofs = Proofs(10**6)
    for number in range(TOLD_NODES):
        proofs.store(f"gone-{number}", Proof(state="proven"))
    proofs.forget({"here"})
    proofs.store("here", Proof(state="proven"))
    now += UNUSED_SECONDS - 1
    proofs.forget({"here"})
    assert "gone-0" in told_nodes(proofs), "a pool that is made anew finds its nodes proven"
    now += 2
    proofs.forget({"here"})
    assert told_nodes(proofs) == {"here"}
    now += 2
    proofs.forget(set())
    assert told_nodes(proofs) == {"here"}


@pytest.mark.parametrize(
    "told",
    [
        "",
        "{",
        "[]",
        '{"n": 1}',
        '{"n": ["p"]}',
        '{"n": ["p", "x"]}',
        '{"n": ["p", NaN]}',
        '{"n": ["p", 9e12]}',
    ],
)
def test_a_proof_that_cannot_be_read_or_is_from_the_future_is_none(told: str) -> None:
    proofs = Proofs(3600)
    proofs.policy(policy())
    proofs.adopt({"retort.dev/proven": told.replace('"p"', f'"{proofs.policies}"')})
    assert proofs.due("n")
    proofs.adopt({})
    assert not proofs.proven("n")
