"""Whether a project may take the last idle executor of a pool, or leaves it to those that ask for little. Pure.

Who holds least comes first, but that only helps with what comes free: beside a project with hundreds of tasks nothing is idle,
and whoever comes with one waits for a start (two seconds on two busy cores) or, where runs are long, for the end of one. So a
project that asks for more than the whole pool leaves the last one; it waits anyway, and loses one executor of `capacity`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

RECENT: Final = 3600.0  # seconds after its last executor for which one is kept for a project
PATIENCE: Final = (
    10.0  # and after which one that got nothing takes the last: others may never come to be ready
)
SMALLEST: Final = 4  # executors; of fewer, one that waits for others is too many


@dataclass
class Headroom:
    """Of one pool. Times are seconds of one clock."""

    _served: dict[str, float] = field(default_factory=dict)  # when each project got an executor last
    _kept: dict[str, float] = field(default_factory=dict)  # since when one gets none because of this

    def served(self, tenant: str, now: float) -> None:
        self._served = {one: at for one, at in self._served.items() if now - at < RECENT}
        self._served[tenant] = now
        self._kept.pop(tenant, None)

    def kept_from(
        self, tenant: str, asks: Callable[[str], int], held: int, target: int, capacity: int, now: float
    ) -> bool:
        """`asks`: executors that a project has, wants, or will want for what it has begun; `held`: those that this one has."""
        if not (
            target
            and capacity >= SMALLEST
            and asks(tenant) > target
            and self._others(tenant, asks, target, now)
        ):
            self._kept.pop(tenant, None)
            return False
        return held > 0 or now - self._kept.setdefault(tenant, now) < PATIENCE

    def _others(self, tenant: str, asks: Callable[[str], int], target: int, now: float) -> bool:
        """Whether there is one that it is left to."""
        return any(
            one != tenant and now - at < RECENT and asks(one) <= target for one, at in self._served.items()
        )
