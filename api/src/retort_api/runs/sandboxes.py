"""The port to sandboxes: claimed for one attempt, given back, never reused once broken. Local processes or Pods."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from retort_api.runs.session import Session


class Sandbox(Protocol):
    """`broken`: left in the middle of a job; it is closed instead of being used again."""

    broken: bool

    @property
    def session(self) -> Session: ...

    async def close(self) -> None: ...


class Sandboxes(Protocol):
    def claim_idle(self) -> Sandbox | None:
        """One that is ready this moment, without waiting."""

    async def claim(self, owner: str) -> Sandbox:
        """`owner`: a project; those that wait take turns."""

    async def release(self, sandbox: Sandbox) -> None: ...

    def claimed(self, owner: str) -> AbstractAsyncContextManager[Sandbox]: ...

    def spare(self) -> AbstractAsyncContextManager[Sandbox | None]:
        """For whoever has nothing for it to do yet: one that is ready this moment, and none while half of all there may be
        are in use, because those who have work would wait behind him."""
