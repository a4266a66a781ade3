"""How many warm sandboxes to start or stop: refill by what is expected, not by what is seen.

A sandbox takes time to appear in what is observed, so those already asked for count (`starting`); otherwise every
look at a slow start would start one more.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Pool:
    """`target`: idle sandboxes to hold ready; `capacity`: all there may be, claimed ones included. `running`: those of the
    claimed that are at work."""

    target: int
    capacity: int
    idle: int
    starting: int
    claimed: int
    running: int = 0

    @property
    def total(self) -> int:
        return self.idle + self.starting + self.claimed


def refill(pool: Pool, waiting: int = 0) -> int:
    """Sandboxes to start (positive) or idle ones to stop (negative); `waiting` claims want one now."""
    wanted = max(pool.target, waiting)
    missing = wanted - pool.idle - pool.starting
    room = pool.capacity - pool.total
    if missing > 0:
        return max(0, min(missing, room))
    return -min(pool.idle, -missing) if not waiting else 0


def gives_way(pool: Pool, waiting: int = 0) -> bool:
    """Whether starting sandboxes may leave the processors to those that run: nobody waits, and half are ready still."""
    return pool.running > 0 and not waiting and pool.idle > 0 and 2 * pool.idle >= pool.target
