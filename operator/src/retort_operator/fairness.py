"""Who gets the next executor: tenants by what they hold for their weight, then in turn; within a tenant by priority, then by
age. Pure.

Who holds the fewest executors for his weight comes first, so one who comes while another fills the whole pool gets what
comes free until both hold the same: in turn alone, the first would stay ahead by a pool for good, and with long tasks take
every executor in time. Among equals it is start-time fair queueing: each executor costs a tenant one by its weight, the one
that has paid least is next, and who begins to wait starts from where the last one served stood, so that nobody saves up for
a flood and nobody waits for another's backlog.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, order=True)
class Ticket:
    """Sorts by who comes first within its tenant."""

    rank: int  # -priority
    since: float
    key: str
    tenant: str = field(compare=False)


@dataclass
class _Line:
    paid: float
    tickets: list[Ticket] = field(default_factory=list)


class FairQueue:
    """`cap`: what one tenant may hold at a time. `weights`: of tenants that are not 1, as they are at the moment."""

    def __init__(self, cap: int, weights: Mapping[str, float] | None = None) -> None:
        self._cap, self._weights = cap, weights if weights is not None else {}
        self._lines: dict[str, _Line] = {}
        self._live: dict[str, Ticket] = {}
        self._waiting: Counter[str] = Counter()
        self._paid = 0.0  # by the one served last, before it was

    def __len__(self) -> int:
        return len(self._live)

    def __contains__(self, key: str) -> bool:
        return key in self._live

    def add(self, ticket: Ticket) -> None:
        if ticket.key in self._live:
            return
        self._live[ticket.key] = ticket
        self._waiting[ticket.tenant] += 1
        line = self._lines.setdefault(ticket.tenant, _Line(self._paid))
        heapq.heappush(line.tickets, ticket)

    def drop(self, key: str) -> None:
        ticket = self._live.pop(key, None)
        if ticket is not None:
            self._waiting[ticket.tenant] -= 1
            if not self._waiting[ticket.tenant]:
                del self._waiting[ticket.tenant]

    def demand(self, held: Callable[[str], int]) -> int:
        """How many executors could be given out now, if there were enough."""
        return sum(
            max(0, min(waiting, self._cap - held(tenant))) for tenant, waiting in self._waiting.items()
        )

    def waiting(self, tenant: str) -> int:
        return self._waiting[tenant]

    @property
    def tenants(self) -> list[str]:
        return list(self._waiting)

    def next(self, held: Callable[[str], int], may: Callable[[str], bool] = lambda _: True) -> Ticket | None:
        """The ticket whose turn it is, taken out. `held`: executors a tenant has now; `may`: whether it gets one at all."""
        ready: dict[str, Ticket] = {}
        for tenant in list(self._lines):
            first = self._first(tenant)
            if first is not None and held(tenant) < self._cap and may(tenant):
                ready[tenant] = first
        if not ready:
            return None

        def place(tenant: str) -> tuple[float, float, float]:
            return held(tenant) / self._weight(tenant), self._lines[tenant].paid, ready[tenant].since

        chosen = min(ready, key=place)
        line = self._lines[chosen]
        self._paid = line.paid
        line.paid += 1 / self._weight(chosen)
        self.drop(ready[chosen].key)
        return ready[chosen]

    def _weight(self, tenant: str) -> float:
        return self._weights.get(tenant, 1.0)

    def _first(self, tenant: str) -> Ticket | None:
        """The first of its line that is still wanted; empty lines are forgotten, and what they paid with them."""
        tickets = self._lines[tenant].tickets
        while tickets and self._live.get(tickets[0].key) is not tickets[0]:
            heapq.heappop(tickets)
        if not tickets:
            del self._lines[tenant]
            return None
        return tickets[0]
