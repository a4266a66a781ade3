"""The chain of an audit: how a line is hashed, and how a whole chain is checked, by the service and away from it.

Every line belongs to a chain (a project, or "" for the system) and to one of its lanes, and has a number there. Its
hash covers chain, lane, number, the hash of the line before and the event's canonical JSON, so that a line that was
edited, dropped, moved or put in between no longer fits. A lane ends where its head says; lanes exist so that writers
need not wait for one another. In an export the links stand in the event, under `retort.chain`.

What this cannot see: an end cut off together with its head by somebody who also has the sealing secret, or who puts
back an earlier head with its own seal. An anchor (`Anchor`) kept elsewhere shows that too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from retort_core.identity import canonical_json, digest
from retort_core.models import Model

DOMAIN: Final = "audit:v1"
Problem: TypeAlias = Literal["edited", "missing", "moved", "unlinked", "cut", "unsealed", "unreadable"]
SENTENCES: Final[dict[Problem, str]] = {
    "edited": "the line is not what was written",
    "missing": "lines before this one are missing",
    "moved": "the line stands in the wrong place",
    "unlinked": "the line does not follow the one before it",
    "cut": "the end of the lane is missing or was replaced",
    "unsealed": "the end of the lane is not confirmed by the service's secret",
    "unreadable": "the line is no line of an audit",
}


class Anchor(Model):
    """A point of a lane that was seen once and must be there for ever."""

    lane: int
    seq: int
    hash: str


@dataclass(frozen=True, kw_only=True)
class Line:
    """`event`: canonical JSON without its links."""

    chain: str
    lane: int
    seq: int
    previous: str
    hash: str
    event: bytes


@dataclass(frozen=True, kw_only=True)
class Finding:
    problem: Problem
    lane: int = -1
    seq: int = 0

    def __str__(self) -> str:
        return f"lane {self.lane}, line {self.seq}: {SENTENCES[self.problem]}"


def genesis(chain: str, lane: int) -> str:
    """What the first line of a lane follows."""
    return digest(DOMAIN, "genesis", chain, lane)


def link(chain: str, lane: int, seq: int, previous: str, event: bytes) -> str:
    return digest(DOMAIN, "line", chain, lane, seq, previous, event)


def exported(line: Line) -> str:
    """One line of JSON: the event with its links."""
    event = json.loads(line.event)
    place = {
        "id": line.chain,
        "lane": line.lane,
        "seq": line.seq,
        "previous": line.previous,
        "hash": line.hash,
    }
    event["retort"] = {**event.get("retort", {}), "chain": place}
    return json.dumps(event, ensure_ascii=False, sort_keys=True)


def imported(text: str) -> Line:
    """The other way round; ValueError for what is no exported line."""
    try:
        event = json.loads(text)
        place = event["retort"].pop("chain")
        return Line(
            chain=str(place["id"]),
            lane=int(place["lane"]),
            seq=int(place["seq"]),
            previous=str(place["previous"]),
            hash=str(place["hash"]),
            event=canonical_json(event),
        )
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("no line of an audit") from error


@dataclass(kw_only=True)
class Verifier:
    """Feed it the lines of one chain, each lane in its order.

    `after`: where each lane was left last time. `anchors`: what must lie on the way: where the service says that the
    lanes end, and what was noted at an earlier time.
    """

    chain: str
    after: Mapping[int, Anchor] = field(default_factory=dict)
    anchors: tuple[Anchor, ...] = ()
    findings: list[Finding] = field(default_factory=list)
    lines: int = 0
    _ends: dict[int, tuple[int, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._anchored = {(one.lane, one.seq): one.hash for one in self.anchors}
        # Two anchors that contradict each other are one that is never met.
        self.findings += [
            Finding(problem="cut", lane=one.lane, seq=one.seq)
            for one in self.anchors
            if self._anchored[one.lane, one.seq] != one.hash
        ]
        self._ends.update({lane: (one.seq, one.hash) for lane, one in self.after.items()})

    @property
    def ends(self) -> tuple[Anchor, ...]:
        """Where the lanes end: an anchor for the next time."""
        return tuple(
            Anchor(lane=lane, seq=seq, hash=last) for lane, (seq, last) in sorted(self._ends.items())
        )

    def feed(self, line: Line) -> None:
        self.lines += 1
        last, end = self._ends.get(line.lane, (0, genesis(self.chain, line.lane)))
        if line.seq > last + 1:
            self._find("missing", line)
        elif line.seq <= last:
            self._find("moved", line)
        elif line.previous != end:
            self._find("unlinked", line)
        right = link(self.chain, line.lane, line.seq, line.previous, line.event)
        if right != line.hash or line.chain != self.chain:
            self._find("edited", line)
        elif self._anchored.get((line.lane, line.seq), line.hash) != line.hash:
            self._find("cut", line)
        self._ends[line.lane] = (max(last, line.seq), line.hash)

    def text(self, line: str) -> None:
        """A line of an export."""
        try:
            self.feed(imported(line))
        except ValueError:
            self.findings.append(Finding(problem="unreadable"))

    def finish(self) -> list[Finding]:
        """Every anchor must have been met on the way."""
        self.findings += [
            Finding(problem="cut", lane=lane, seq=seq)
            for lane, seq in sorted(self._anchored)
            if self._ends.get(lane, (0, ""))[0] < seq
        ]
        return self.findings

    def _find(self, problem: Problem, line: Line) -> None:
        self.findings.append(Finding(problem=problem, lane=line.lane, seq=line.seq))
