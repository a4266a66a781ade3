"""How the making of one profile's executors goes: how many may be asked for now, and what failures say about the next. Pure.

Three things bound it: a pace, a pause that grows with failures, and how many may be starting at a time (`starts`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from retort_operator.pauses import growing
from retort_operator.starts import Starts

AT_ONCE: Final = 16  # creations under way
BURST: Final = 0.5  # seconds' worth of the pace that may come at once
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0
# Starting an executor costs a second of a processor, most tasks less: on a node of two cores a start at the moment of the claim
# slowed the very task that was claimed for (p50 473 ms against 391). So it begins when the task ends, or after so many seconds.
GIVE_WAY: Final = 1.0
REMEMBERED: Final = 1000  # Pods that failed


@dataclass
class Making:
    """`gap`: seconds between two creations. Moments are of a clock that nobody sets."""

    gap: float
    flying: set[str] = field(default_factory=set)  # asked for, without an answer yet
    problem: str = ""  # why executors do not start, if they do not
    until: float = 0.0  # no creation before this
    _template: str = ""
    _starts: Starts = field(default_factory=Starts)  # of that template
    _failures: int = 0
    _failed: set[str] = field(default_factory=set)
    _of_pods: bool = False  # whether Pods failed since one was of use, and not only the asking for them
    _pace: float = 0.0  # when the next creation may be
    _missing: float = 0.0  # since when executors are missing; 0 when none is

    def known(self, template: str, pods: Collection[str]) -> None:
        """What the profile's executors are made from, and those that there are."""
        if template != self._template:
            self._template, self._starts = template, Starts()
        self._starts.only(self.flying.union(pods))

    @property
    def bearable(self) -> float:
        return self._starts.bearable

    def enough(self, now: float) -> None:
        """No executor is missing."""
        self._missing = 0.0
        self._starts.want(now, more=False)

    def patience(self, now: float) -> float:
        """Seconds for which starts may still wait for a run, from when executors were first missing."""
        self._missing = self._missing or now
        self._starts.want(now, more=False)
        return self._missing + GIVE_WAY - now

    def begin(self, wanted: int, now: float) -> tuple[int, float]:
        """How many of those wanted are to be asked for now, and seconds after which there may be more; 0 when an answer says so."""
        self._starts.want(now, more=False)
        if now < self.until:
            return 0, self.until - now
        may, room = min(wanted, self._starts.room(now)), AT_ONCE - len(self.flying)
        self._pace = max(self._pace, now - BURST)
        count = 0
        while count < min(may, room) and self._pace <= now:
            self._pace += self.gap
            count += 1
        if count < min(may, room):
            return count, self._pace - now
        self._starts.want(now, more=count == may < wanted)
        return count, self._starts.soonest(now) if count < wanted else 0.0

    def asked(self, pod: str, now: float) -> None:
        self.flying.add(pod)
        self._starts.asked(pod, now)

    def answered(self, pod: str, *, made: bool) -> None:
        self.flying.discard(pod)
        if not made:
            self._starts.drop(pod)

    def seen(self, pod: str, now: float, *, usable: bool) -> None:
        """On a node."""
        self._starts.placed(pod, now)
        if usable:
            self._starts.ready(pod, now)

    def works(self) -> None:
        self._failures, self.problem, self._of_pods = 0, "", False

    def refused(self, problem: str, now: float) -> None:
        """It could not be asked for. Those that were under way together failed of one thing: they lengthen the pause once."""
        if now >= self.until:
            self._failures += 1
            self.until = now + growing(FIRST_PAUSE, self._failures, LONGEST_PAUSE)
        self.problem = problem[:500]

    def failed(self, uid: str, problem: str, now: float) -> bool:
        """A Pod ended before it was of use; whether that is new."""
        if uid in self._failed:
            return False
        if len(self._failed) >= REMEMBERED:
            self._failed.clear()
        self._failed.add(uid)
        self.refused(problem, now)
        self._of_pods = True
        return True

    def again(self) -> None:
        """What creations failed on is back; a pause may have grown to a minute."""
        if not self._of_pods:
            self.until = 0.0
