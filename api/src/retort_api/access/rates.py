"""How often somebody may ask: so many a minute, a tenth of a minute's worth at once, five at least. In this process, by name.

Five, because whoever registers, mistypes and logs in does so within seconds, and people behind one address share it.

The generic cell rate algorithm: one number a name, the moment up to which it has used its share. Replicas count for
themselves, so N of them let N times as much through; what must hold exactly (lock-outs, quotas) is in the database.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from retort_core.errors import TooMany

NAMES: Final = 20_000  # remembered at most; the ones that were quiet longest go first
BURST: Final = 0.1  # of a minute
LEAST: Final = 5  # at once, however low the rate


class Rate:
    """`per_minute` 0: any number."""

    def __init__(self, per_minute: int, now: Callable[[], float] = time.monotonic) -> None:
        self._pause = 60 / per_minute if per_minute else 0.0
        self._ahead = max(LEAST * self._pause, 60 * BURST)
        self._now, self._used = now, OrderedDict[str, float]()

    def wait(self, name: str) -> float:
        """Seconds until the next one is welcome; 0 = now."""
        if not self._pause:
            return 0.0
        return max(0.0, self._used.get(name, 0.0) - self._now() - self._ahead + self._pause)

    def take(self, name: str) -> None:
        """Counts one, or raises TooMany with when to come again."""
        self.check(name)
        if self._pause:
            self._used[name] = max(self._used.get(name, 0.0), self._now()) + self._pause
            self._used.move_to_end(name)
            while len(self._used) > NAMES:
                self._used.popitem(last=False)

    def check(self, name: str) -> None:
        wait = self.wait(name)
        if wait > 0:
            seconds = int(wait) + 1
            raise TooMany(f"Too many requests; try again in {seconds} seconds.", retry_after=seconds)
