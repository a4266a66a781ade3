"""Who may let another run begin, where the nodes bear few at a time. Pure.

An executor that waits costs nothing, one that begins wants a processor: twenty of them handed out within a second on two cores
each ran for five seconds, and with them the one task of another project. So where starts were seen to slow each other, no more
runs are in their first seconds at a time than may be starting (`starts`). A project without one among them always may: it waits
for nobody's.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

YOUNG: Final = 3.0  # seconds; one that goes on for longer is not waited for


@dataclass
class Beginnings:
    """Of runs in executors of one profile. Times are seconds of one clock."""

    _young: dict[str, tuple[str, float]] = field(default_factory=dict)  # executor -> project, since when

    def begun(self, pod: str, tenant: str, now: float) -> None:
        self._young[pod] = tenant, now

    def only(self, pods: Collection[str], now: float) -> None:
        """The others are over."""
        self._young = {
            pod: (tenant, since)
            for pod, (tenant, since) in self._young.items()
            if pod in pods and now - since < YOUNG
        }

    def may(self, tenant: str, bearable: float) -> bool:
        count = Counter(one for one, _ in self._young.values())
        return not count[tenant] or count.total() < bearable

    def soonest(self, now: float) -> float:
        """Seconds until one of them is not waited for any longer."""
        return min((YOUNG - (now - since) for _, since in self._young.values()), default=math.inf)
