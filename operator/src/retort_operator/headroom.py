"""Whether a project may take the last idle executor of a pool, or leaves it to those that ask for little. Pure.

Who holds least comes first, but that only helps with what comes free: beside a project with hundreds of tasks nothing is idle,
and whoever comes with one waits for a start (two seconds on two busy cores) or, where runs are long, for the end of one. So a
project that uses more than the pool holds, or than eight executors, leaves the last one, and with it one of `capacity`, to those that
ask for no more than the pool holds and use clearly less than it does. By use, not by what is asked for: one that asks for little, but again and again,
would else take every executor there is (two lanes of one project beside three of another: those waited for up to 34 s).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

RECENT: Final = 300.0  # seconds after its last executor for which one is kept for a project
FADES: Final = 10.0  # seconds in which what was used counts for a third
CLEARLY: Final = 1.5  # times as much
MUCH: Final = 2  # times what a pool holds idle: held, and taken within some ten seconds, together
# And what is much of any pool: a large one may be to hold more than its nodes can make up for in that time (20 on two cores, where
# one comes in a second).
MUCH_OF_ANY: Final = 8
PATIENCE: Final = 10.0  # seconds; then who holds nothing takes the last one: others may never be ready
SMALLEST: Final = 4  # executors, of a pool at most or idle; of fewer, one that waits for others is too many


@dataclass(frozen=True)
class _Use:
    """Executors that were taken, faded, as of `at`."""

    count: float
    at: float

    def now(self, now: float) -> float:
        return self.count * math.exp((self.at - now) / FADES)


NEVER: Final = _Use(0.0, -math.inf)


@dataclass
class Headroom:
    """Of one pool. Times are seconds of one clock."""

    _uses: dict[str, _Use] = field(default_factory=dict)  # by project, as of its last executor

    def served(self, tenant: str, now: float) -> None:
        self._uses = {one: use for one, use in self._uses.items() if now - use.at < RECENT}
        self._uses[tenant] = _Use(self._uses.get(tenant, NEVER).now(now) + 1, now)

    def kept_from(
        self,
        tenant: str,
        held: Callable[[str], int],
        wanted: Callable[[str], int],
        target: int,
        capacity: int,
        now: float,
    ) -> bool:
        """`held`: executors of this pool that a project has; `wanted`: those that it wants, or will want for what it has begun;
        `target`: idle ones that the pool is to hold, of `capacity` in all."""

        def modest(one: str) -> bool:
            return held(one) + wanted(one) <= target

        def used(one: str) -> float:
            return held(one) + self._uses.get(one, NEVER).now(now)

        mine = used(tenant)
        others = (one for one, use in self._uses.items() if one != tenant and now - use.at < RECENT)
        asks = wanted(tenant) > MUCH * target
        heavy = asks or held(tenant) >= _many(target) or mine > min(MUCH * target, MUCH_OF_ANY)
        waits = held(tenant) > 0 or now - self._uses.get(tenant, NEVER).at < PATIENCE
        return (
            target > 0
            and capacity >= SMALLEST
            and heavy
            and waits
            and any(modest(one) and used(one) < mine / CLEARLY for one in others)
        )


def _many(target: int) -> int:
    """Executors of which one project has many. Where some are idle for it, it leaves one from the first burst on."""
    return target - 1 if target >= SMALLEST else target + 1
