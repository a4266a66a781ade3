"""What is proven of each node: that an executor there reaches nothing. A proof belongs to one state of the policies.

A barrier stands when an executor was refused *and* a control got through to the same listener; where the control failed
too, nothing is proven. Proofs end with time and at once with any change of a network policy in the executors' namespace.
A new leader takes over those that its predecessor left in the Lease (`told`, `adopt`), with their age and their policies: an
attempt takes about ten seconds, in which nothing could be claimed.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from retort_core.probing import OPTIONAL, Barrier
from retort_core.resources import labels

State: TypeAlias = Literal["proven", "unproven", "unknown"]
AGAIN: Final = 10.0  # seconds before a node that is not proven is tried again
UNUSED_SECONDS: Final = 600.0  # that a node without executors is remembered: a pool may be made anew on it
NO_POLICY: Final = "no network policy"
TOLD_NODES: Final = 1000  # of which proofs are handed on: an object holds 256 KiB of annotations
INGRESS: Final = "ingress"
API_SERVER: Final = "api-server"
REQUIRED: Final = (API_SERVER, INGRESS)  # without a positive control of these nothing is proven


@dataclass(frozen=True, kw_only=True)
class Proof:
    """`barriers`: those that do not stand or could not be tried."""

    state: State
    barriers: tuple[str, ...] = ()
    policies: str = ""
    at: float = field(default_factory=time.monotonic)


def judge(barriers: tuple[Barrier, ...], policies: str) -> Proof:
    """Open ones make a node unproven; unknown ones only where nothing runs without them."""
    open_ = tuple(one.name for one in barriers if one.state == "open")
    if open_:
        return Proof(state="unproven", barriers=open_, policies=policies)
    known = {one.name for one in barriers}
    unknown = tuple(one.name for one in barriers if one.state == "unknown" and not _optional(one.name))
    missing = unknown + tuple(name for name in REQUIRED if name not in known)
    return Proof(state="unknown" if missing else "proven", barriers=missing, policies=policies)


def _optional(name: str) -> bool:
    """Targets that a cluster need not have (a name server, a node that listens) and walls there may be nothing to try of."""
    return name in OPTIONAL or (name not in REQUIRED and name.startswith("to-"))


class Proofs:
    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._nodes: dict[str, Proof] = {}
        self._used: dict[str, float] = {}  # node -> when an executor was last seen on it
        self._policies: dict[str, str] = {}

    @property
    def policies(self) -> str:
        """Identity of all policies together; "" when there is none, and then nothing can be proven."""
        if not self._policies:
            return ""
        return hashlib.sha256(json.dumps(sorted(self._policies.items())).encode()).hexdigest()[:16]

    def policy(self, raw: Mapping[str, Any]) -> bool:
        """Whether it is another one than was known."""
        metadata = raw["metadata"]
        shape = hashlib.sha256(json.dumps(raw.get("spec") or {}, sort_keys=True).encode()).hexdigest()[:16]
        value = f"{metadata.get('uid', '')}/{shape}"
        changed = self._policies.get(metadata["name"]) != value
        self._policies[metadata["name"]] = value
        return changed

    def policy_gone(self, name: str) -> bool:
        return self._policies.pop(name, None) is not None

    def policies_listed(self, names: set[str]) -> bool:
        """Policies that a listing did not have any more; whether something changed."""
        gone = set(self._policies) - names
        for name in gone:
            del self._policies[name]
        return bool(gone)

    def told(self) -> dict[str, str]:
        """What stands, for the leader after this one. Times of day: it may run on another machine."""
        since = time.time() - time.monotonic()
        proven = {
            node: [one.policies, since + one.at]
            for node, one in self._nodes.items()
            if one.state == "proven" and not self._over(one)
        }
        return {labels.PROVEN: json.dumps(dict(list(proven.items())[:TOLD_NODES]))}

    def adopt(self, told: Mapping[str, str]) -> None:
        """What the leader before this one had proven. What cannot be read, or is from the future, is tried anew."""
        try:
            found = json.loads(told.get(labels.PROVEN, "{}"))
            proofs = {
                str(node): (str(policies), time.time() - float(at)) for node, (policies, at) in found.items()
            }
        except (ValueError, TypeError, AttributeError):
            return
        for node, (policies, age) in proofs.items():
            if age >= 0:
                self.store(node, Proof(state="proven", policies=policies, at=time.monotonic() - age))

    def store(self, node: str, proof: Proof) -> None:
        self._nodes[node] = proof

    def forget(self, nodes: set[str]) -> None:
        """Drops what is known of nodes that have been in use no more for a while; `nodes`: those that are."""
        now = time.monotonic()
        self._used = {node: now if node in nodes else self._used.get(node, now) for node in self._nodes}
        for node, used in self._used.items():
            if now - used > UNUSED_SECONDS:
                del self._nodes[node]

    def of(self, node: str) -> Proof:
        current = self.policies
        if not current:
            return Proof(state="unproven", barriers=(NO_POLICY,))
        found = self._nodes.get(node)
        if found is None or found.policies != current or self._over(found):
            return Proof(state="unknown", barriers=("not tried yet",), policies=current)
        return found

    def _over(self, proof: Proof) -> bool:
        return time.monotonic() - proof.at > self._seconds

    def proven(self, node: str) -> bool:
        return self.of(node).state == "proven"

    def due(self, node: str) -> bool:
        """Whether it is to be tried: never, under other policies, long enough ago to renew before it ends, or not well."""
        current = self.policies
        if not current or not node:
            return False
        found = self._nodes.get(node)
        if found is None or found.policies != current:
            return True
        age = time.monotonic() - found.at
        return age > (self._seconds * 0.8 if found.state == "proven" else min(AGAIN, self._seconds))

    def problem(self, nodes: set[str]) -> str:
        """Why no node of `nodes` can be used, in a sentence; "" when one can."""
        if any(self.proven(node) for node in nodes):
            return ""
        if not self.policies:
            return "the executors' namespace has no network policy"
        told = sorted(f"{node}: {', '.join(self.of(node).barriers)}" for node in nodes)
        return "not proven that executors reach nothing: " + "; ".join(told[:5]) if told else ""
