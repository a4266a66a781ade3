"""A small memory of pure work per object: an index of a schema is built once per version, not once per message.

Entries hold their key object, so an identity is never reused while it is remembered; at most `SIZE` are kept.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import wraps
from threading import Lock
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
SIZE: Final = 16


def by_identity(compute: Callable[P, R]) -> Callable[P, R]:
    """Remember results of a pure function of immutable objects by the identity of its arguments."""
    known: OrderedDict[tuple[int, ...], tuple[object, R]] = OrderedDict()
    lock = Lock()

    @wraps(compute)
    def remembered(*args: P.args, **kwargs: P.kwargs) -> R:
        key = tuple(map(id, args))
        with lock:
            hit = known.get(key)
            if hit is not None:
                known.move_to_end(key)
                return hit[1]
        result = compute(*args, **kwargs)
        with lock:
            known[key] = (args, result)
            while len(known) > SIZE:
                known.popitem(last=False)
        return result

    return remembered
