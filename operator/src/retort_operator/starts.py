"""How many executors may be starting at a time. Pure.

A start costs about two seconds of a processor, and nothing tells an operator without rights on nodes how many processors there
are. Nineteen at once on two cores were each ready after twenty seconds instead of one after the other, and the tasks beside them
got a tenth of a core each. So the number follows what is seen: while starts take little longer than the quickest one, one more
at a time; when they take clearly longer, fewer. (Additive increase, multiplicative decrease by the delay's gradient, as congestion
control does it.)
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

# From few, because the quickest of many at once is no measure of a quiet node; each start that is not slower makes it one more,
# so the number doubles with every round.
LOWEST: Final = 2.0
TOLERATED: Final = 1.5  # times the quickest one: readiness is asked for once a second, and nodes differ
STEP: Final = 0.2  # of the way down that one slow start asks for
FORGOTTEN: Final = 1.0002  # by how much the quickest is believed to have grown, with each start: nodes change
# Seconds; then it waits for something else than a processor, and the next ones do not wait for it.
OVERDUE: Final = 15.0


@dataclass
class Starts:
    """Of executors of one template. Times are seconds of one clock."""

    limit: float = LOWEST
    _quickest: float = math.inf  # seconds
    _short: bool = False  # more were wanted than might begin
    _begun: dict[str, float] = field(default_factory=dict)  # executor -> when it was asked for

    def begin(self, name: str, now: float) -> None:
        self._begun[name] = now

    def only(self, names: Collection[str]) -> None:
        """The others are gone."""
        self._begun = {name: begun for name, begun in self._begun.items() if name in names}

    def ready(self, name: str, now: float) -> None:
        begun = self._begun.pop(name, None)
        if begun is None:
            return
        took = max(now - begun, 1e-3)
        self._quickest = min(self._quickest * FORGOTTEN, took)
        slower = took / (TOLERATED * self._quickest)
        if slower > 1:
            self.limit = max(LOWEST, self.limit * (1 - STEP * (1 - 1 / slower)))
        elif self._short:  # else it tells nothing about more of them
            self.limit += 1

    def room(self, wanted: int, asked: int, now: float) -> int:
        """How many of those wanted may begin; `asked`: those asked for that have not begun yet."""
        under_way = sum(1 for begun in self._begun.values() if now - begun <= OVERDUE)
        room = max(0, int(self.limit) - asked - under_way)
        self._short = wanted > room
        return min(wanted, room)

    def soonest(self, now: float) -> float:
        """Seconds until the oldest of those under way is overdue."""
        left = [begun + OVERDUE - now for begun in self._begun.values() if now - begun <= OVERDUE]
        return min(left, default=OVERDUE)
