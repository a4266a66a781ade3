"""How many executors may be starting at a time. Pure.

A start costs about two seconds of a processor, and nothing tells an operator without rights on nodes how many processors there
are. Nineteen at once on two cores were each ready after twenty seconds instead of one after the other, and the tasks beside them
got a tenth of a core each. So the number follows what is seen: while starts take little longer than the quickest one of their
node, one more with each that is ready; when they take clearly longer, so many times fewer (a window that follows the delay, as
congestion control has it).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

# From few, because the quickest of many at once is no measure of a quiet node. Each start that is not slower makes it one more,
# so the number doubles with every round.
LOWEST: Final = 2.0
TOLERATED: Final = 1.5  # times the quickest of the node
PERIOD: Final = 1.0  # seconds more than that one at the least: readiness is asked for once a second
HALVES: Final = (
    6 * 3600.0
)  # seconds after which the quickest is believed to have taken twice as long: nodes change
# Seconds; then it waits for something else than a processor (an image, a full node). Others need not wait for it, as long as some
# are left that do not.
OVERDUE: Final = 15.0
NODES: Final = 5000  # remembered


@dataclass
class Starts:
    """Of executors of one template. Times are seconds of one clock. `bound`: more were wanted than `limit` let begin."""

    limit: float = LOWEST
    bound: bool = False
    _quickest: dict[str, tuple[float, float]] = field(default_factory=dict)  # node -> seconds, and when
    _begun: dict[str, float] = field(default_factory=dict)  # executor -> when
    _fewer: float = float("-inf")  # when the limit was lowered last

    def begin(self, name: str, now: float) -> None:
        self._begun[name] = now

    def only(self, names: Collection[str]) -> None:
        """The others are gone."""
        self._begun = {name: begun for name, begun in self._begun.items() if name in names}

    def ready(self, name: str, node: str, now: float) -> None:
        begun = self._begun.pop(name, None)
        if begun is None:
            return
        took = max(now - begun, 1e-3)
        quickest = self._quickest_of(node, took, now)
        slower = took / max(TOLERATED * quickest, quickest + PERIOD)
        if slower <= 1:
            if self.bound:  # else it tells nothing about more of them
                self.limit += 1
        elif begun >= self._fewer:  # those that were under way together were slow of one thing
            self.limit, self._fewer = max(LOWEST, self.limit / slower), now

    def room(self, now: float) -> int:
        """How many may be under way beside those that are."""
        overdue = sum(1 for begun in self._begun.values() if now - begun >= OVERDUE)
        places = max(LOWEST, self.limit - overdue)
        return max(0, int(places) - (len(self._begun) - overdue))

    def soonest(self, now: float) -> float:
        """Seconds until one more of those under way is overdue; 0 when none can be."""
        ages = (now - begun for begun in self._begun.values())
        return min((OVERDUE - age for age in ages if age < OVERDUE), default=0.0)

    def _quickest_of(self, node: str, took: float, now: float) -> float:
        known, at = self._quickest.get(node, (took, now))
        if took <= known * 2 ** ((now - at) / HALVES):
            if len(self._quickest) >= NODES:
                self._quickest.clear()
            self._quickest[node] = took, now
            return took
        return float(known * 2 ** ((now - at) / HALVES))
