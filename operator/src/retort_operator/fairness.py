"""Who gets the next executor: tenants in turn by weight, within a tenant by priority and then by age. Pure.

Deficit round robin: each tenant that waits collects credit by its weight; one executor costs one. A tenant at its cap
collects nothing. So two equally backlogged tenants get equally many, whatever each has piled up, and one that comes late
waits for nobody's backlog but its own.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

CREDIT_LIMIT: Final = 4.0  # a tenant cannot save up for a flood


@dataclass(frozen=True, order=True)
class Ticket:
    """Sorts by who comes first within its tenant."""

    rank: int  # -priority
    since: float
    key: str
    tenant: str = field(compare=False)


@dataclass
class _Line:
    tickets: list[Ticket] = field(default_factory=list)
    credit: float = 0.0


class FairQueue:
    """`cap`: what one tenant may hold at a time. `weights`: of tenants that are not 1."""

    def __init__(self, cap: int, weights: Mapping[str, float] | None = None) -> None:
        self._cap, self._weights = cap, dict(weights or {})
        self._lines: dict[str, _Line] = {}
        self._live: dict[str, Ticket] = {}
        self._waiting: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._live)

    def __contains__(self, key: str) -> bool:
        return key in self._live

    def add(self, ticket: Ticket) -> None:
        if ticket.key in self._live:
            return
        self._live[ticket.key] = ticket
        self._waiting[ticket.tenant] += 1
        line = self._lines.setdefault(ticket.tenant, _Line())
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

    def next(self, held: Callable[[str], int]) -> Ticket | None:
        """The ticket whose turn it is, taken out. `held`: executors a tenant has now."""
        ready: dict[str, Ticket] = {}
        for tenant in list(self._lines):
            first = self._first(tenant)
            if first is not None and held(tenant) < self._cap:
                ready[tenant] = first
        if not ready:
            return None
        if all(self._lines[tenant].credit < 1 for tenant in ready):
            self._pay(ready)
        chosen = max(
            ready, key=lambda tenant: (self._lines[tenant].credit, -held(tenant), -ready[tenant].since)
        )
        self._lines[chosen].credit -= 1
        self.drop(ready[chosen].key)
        return ready[chosen]

    def _pay(self, tenants: Iterable[str]) -> None:
        """Rounds until somebody can afford one, all at once."""
        lines = {tenant: self._lines[tenant] for tenant in tenants}
        rounds = min((1 - line.credit) / self._weight(tenant) for tenant, line in lines.items())
        for tenant, line in lines.items():
            line.credit = min(CREDIT_LIMIT, line.credit + rounds * self._weight(tenant))

    def _weight(self, tenant: str) -> float:
        return self._weights.get(tenant, 1.0)

    def _first(self, tenant: str) -> Ticket | None:
        """The first of its line that is still wanted; empty lines are forgotten, and their credit with them."""
        tickets = self._lines[tenant].tickets
        while tickets and self._live.get(tickets[0].key) is not tickets[0]:
            heapq.heappop(tickets)
        if not tickets:
            del self._lines[tenant]
            return None
        return tickets[0]
