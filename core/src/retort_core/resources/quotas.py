"""What an API server says when a ResourceQuota of the project's namespace allows no more tasks, and what to do then."""

from __future__ import annotations

import re
from typing import Final

from retort_core.errors import QuotaExceeded
from retort_core.resources.labels import GROUP

OBJECTS: Final = f"count/agenttasks.{GROUP}"  # as a ResourceQuota's `hard` names it
_EXCEEDED: Final = re.compile(r"exceeded quota: ([^,\s]+), requested: .*?, used: (\S*?), limited: (\S+)")


def exceeded(words: str) -> QuotaExceeded | None:
    """None for other refusals. Finished tasks count as long as their objects are there, so waiting alone may take a day."""
    found = _EXCEEDED.search(words)
    if found is None:
        return None
    quota, used, allowed = found[1], _number(found[2]), _number(found[3])
    if allowed is None:
        return QuotaExceeded(
            f"The quota {quota!r} of this project's namespace is used up: {found[0]}", quota=quota
        )
    return QuotaExceeded(
        f"The quota {quota!r} of this project's namespace allows {allowed:,} tasks, finished ones included until they are "
        "removed. Remove some (`kubectl delete agenttask NAME`: their versions stay), wait until their time is over, or ask "
        "an administrator for a larger quota.",
        quota=quota, used=used, allowed=allowed,
    )  # fmt: skip


def _number(amounts: str) -> int | None:
    """Of tasks, where several things are counted: "count/agenttasks.retort.dev=10,pods=2"."""
    pairs = dict(part.partition("=")[::2] for part in amounts.split(","))
    text = pairs.get(OBJECTS, "")
    return int(text) if text.isdigit() else None
