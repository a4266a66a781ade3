"""How many executors may be starting at a time. Pure.

A start costs about two seconds of a processor, and nothing tells an operator without rights on nodes how many processors there
are. Nineteen at once on two cores were each ready after twenty seconds instead of one after the other, and the tasks beside them
got a tenth of a core each. So the number follows what is seen: as long as a start takes little longer than one by itself, one
more with each that is ready; when it takes clearly longer, so many times fewer. What it takes by itself is measured
again and again. (A window that follows the delay; congestion control finds the width of a path like this.)
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

LOWEST: Final = 1.0  # two keep two cores busy: another project's task beside them took half as long again
TOLERATED: Final = 1.15  # times the measure
SLACK: Final = 0.3  # seconds more than the measure at the least; with 0.2, two hundred on many nodes begin up to four later
# Starts of one at a time that are remembered, and how many are waited for before there are ever more. The second slowest of them is
# the measure: not the quickest, because nodes differ, and one may be slow of something else.
SAMPLES: Final = 8
ENOUGH: Final = 4
MEASURED: Final = 300.0  # seconds; with an older measure one starts at a time until there is a newer one
DOUBTED: Final = (
    30.0  # the same once the limit was lowered by it: perhaps it is not the starts that slow each other
)
# Seconds without more of them wanted than might begin; then it begins with LOWEST again. What was seen on nodes that did nothing else
# says little once all that was idle runs: six at once, as many as the filling of a pool had come to, took nineteen seconds then.
RESTED: Final = 10.0
PATIENCE: Final = 30.0  # seconds; then a new measure is done without until the next time
# Seconds; then it waits for something else than a processor (an image, a full node). Others need not wait for it, as long as some
# are left that do not.
OVERDUE: Final = 15.0


@dataclass
class _Start:
    asked: float
    few: bool = True  # whether there were never more than LOWEST on nodes with it, itself included
    placed: float | None = None  # when it was first seen on a node


@dataclass
class Starts:
    """Of executors of one template. Times are seconds of one clock."""

    limit: float = LOWEST
    _bound: bool = False  # more are wanted than may begin
    _wanted: float = -math.inf  # when that was so last
    _rested: float = LOWEST  # the limit, when there was nothing more to say about it
    _under_way: dict[str, _Start] = field(default_factory=dict)
    _samples: deque[float] = field(default_factory=lambda: deque(maxlen=SAMPLES))  # seconds, oldest first
    _measured: float = -math.inf
    _trying: float = math.inf  # since when a new measure is wanted
    _lowered: float = -math.inf
    _before: float = LOWEST  # the limit, when it was lowered last

    def want(self, now: float, *, more: bool) -> None:
        """Whether more are wanted than may begin."""
        self._bound = more
        if more:
            self._wanted = now

    def asked(self, name: str, now: float) -> None:
        self._under_way[name] = _Start(now)
        busy = [
            one for one in self._under_way.values() if one.placed is not None or now - one.asked < OVERDUE
        ]
        if len(busy) > LOWEST:
            for one in busy:
                one.few = False

    def placed(self, name: str, now: float) -> None:
        """On a node: what it waits for from now on is a processor."""
        one = self._under_way.get(name)
        if one is not None and one.placed is None:
            one.placed = now

    def drop(self, name: str) -> None:
        self._under_way.pop(name, None)

    def only(self, names: Collection[str]) -> None:
        """The others are gone."""
        self._under_way = {name: one for name, one in self._under_way.items() if name in names}

    def ready(self, name: str, now: float) -> None:
        one = self._under_way.pop(name, None)
        if one is None or one.placed is None:
            return
        took = now - one.placed
        if one.few and took < OVERDUE:
            self._samples.append(took)
            self._measured, self._trying = now, math.inf
        if len(self._samples) < ENOUGH:
            return
        slower = self._slower(took)
        if slower > 1:
            if not one.few:
                self._lower(one.asked, slower, now)
        elif self._bound:  # else it tells nothing about more of them
            self.limit += 1

    @property
    def bearable(self) -> float:
        """Processes that may begin at a time, as far as starts have shown; infinite where they never slowed each other."""
        return max(self.limit, self._rested) if self._lowered > -math.inf else math.inf

    def room(self, now: float) -> int:
        """How many may be under way beside those that are."""
        if now - self._wanted > RESTED:
            self._rested, self.limit = max(self._rested, self.limit), min(self.limit, LOWEST)
        young = len(self._young(now))
        limit = LOWEST if self._to_measure(now) else self.limit
        places = max(LOWEST, limit - (len(self._under_way) - young))
        return max(0, int(places) - young)

    def soonest(self, now: float) -> float:
        """Seconds until one more of those under way is overdue; 0 when none can be."""
        return min((OVERDUE - (now - one.asked) for one in self._young(now)), default=0.0)

    def _young(self, now: float) -> list[_Start]:
        return [one for one in self._under_way.values() if now - one.asked < OVERDUE]

    def _slower(self, took: float) -> float:
        """How many times what is tolerated."""
        measure = sorted(self._samples)[-2]
        return took / max(TOLERATED * measure, measure + SLACK)

    def _to_measure(self, now: float) -> bool:
        doubted = self._lowered > self._measured
        if now - self._measured <= (DOUBTED if doubted else MEASURED):
            return False
        self._trying = min(self._trying, now)
        if now - self._trying > PATIENCE:
            self._measured, self._trying = now, math.inf
            return False
        return True

    def _lower(self, asked: float, slower: float, now: float) -> None:
        """By the slowest of those that were under way together: what they say is one thing."""
        if asked >= self._lowered:
            self._before, self._lowered, self._rested = self.limit, now, LOWEST
        self.limit = min(self.limit, max(LOWEST, self._before / slower))
