"""Promises: the rights of whoever asks over HTTP, from before the object is made until the uid that it gets is known.

One stands under the name of the object, for exactly what was asked, by whom, and for an object that is made within an hour:
the API server answers within seconds, and who has not heard from it asks again. How late the operator tells of the object
does not matter to that. The names of objects made under an Idempotency-Key can be known to others, and come back: without
these bounds the rights of long ago would go to whatever is made under such a name later.

A promise that is over is deleted a day later (`retention`). By then no object can need it: one that was never told of ends
without being planned when its time in the queue (10 minutes; a day at most) is up.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.access import member_repository as members
from retort_api.access.member_repository import Asker, Promise
from retort_api.tasks.records import TaskRecord
from retort_core.errors import Conflict, PolicyDenied
from retort_core.http.internal import TaskObject
from retort_core.lifecycle.sources import Source

LASTS: Final = timedelta(hours=1)
REUSED: Final = "This Idempotency-Key was used for another request; use a new one."


def promise_of(namespace: str, name: str) -> str:
    """What the rights of a requester are kept under until the object's uid is known."""
    return hashlib.sha256(f"promise\0{namespace}\0{name}".encode()).hexdigest()[:32]


def asked_of(task: TaskRecord, dataset: str) -> str:
    """Digest of what a request asks for; `dataset`: its name. Not of `review`, which follows from rights."""
    seconds = task.deadline_seconds
    return _digest(dataset, task.branch, task.base, task.source, task.lang, task.conversation, seconds)


def told_of(given: TaskObject) -> str:
    """The same, of the object that came of it."""
    seconds = given.active_deadline_seconds
    return _digest(
        given.dataset, given.branch, given.base, given.source, given.lang, given.conversation, seconds
    )


def _digest(dataset: str, branch: str, base: str, source: Source, *rest: Any) -> str:
    told = [dataset, branch, base, source.model_dump(mode="json", exclude_defaults=True), *rest]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


async def give(connection: AsyncConnection, asker: Asker, asked: str, now: datetime) -> None:
    """`asker.task`: the promise. Raises Conflict while its name is promised to another request."""
    earlier = await members.promise(connection, asker.task)
    if earlier is not None and not _free(earlier, asker.name, asked, now):
        raise Conflict(REUSED)
    await members.promise_asker(connection, asker, asked, now)


def _free(earlier: Promise, name: str, asked: str, now: datetime) -> bool:
    """Whether it is the same request again, or the earlier one is over. One of an older release says too little to tell."""
    over = earlier.at is None or now > earlier.at + LASTS
    return over or earlier.asked is None or (earlier.name, earlier.asked) == (name, asked)


async def keep(connection: AsyncConnection, given: TaskObject) -> None:
    """The rights that were promised become those of the object's task. One of somebody else's, and one that is over, has nothing
    to do with this object, for which admission asked."""
    identifier = promise_of(given.namespace, given.name)
    found = await members.promise(connection, identifier)
    if found is None or found.name != given.requester:
        return
    if found.at is not None and given.created_at > found.at + LASTS:
        return
    if found.asked not in (None, told_of(given)):
        raise PolicyDenied(
            f"The name {given.name!r} is promised to another request of {given.requester}: use another one."
        )
    await members.keep_promise(connection, identifier, given.uid)
