"""What passes by itself is asked again: a service that is started anew, a server that is full, a network that drops.

Only for requests that may be repeated. About two minutes without an answer, then the caller is told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from retort_client.problems import Refused, Unreachable

TRIES: Final = 10
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 30.0
PASSING: Final = frozenset({429, 502, 503, 504})
Reply = TypeVar("Reply")


def patiently(call: Callable[[], Reply], sleep: Callable[[float], None]) -> Reply:
    pause = FIRST_PAUSE
    for _ in range(TRIES - 1):
        try:
            return call()
        except Unreachable:
            pass
        except Refused as error:
            if error.problem.status not in PASSING:
                raise
        sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
    return call()
