"""What is done to the parts of an installation, one kind each: `strike` at a moment that somebody else chose.

strike   does it, and returns the moment from which recovery counts
mend     ends what lasts (an object store that is gone); recovery counts from there instead
after    puts back what a later strike needs, once the task that was waited for is over
around   what the kind needs beforehand, and puts away
run      whether it strikes at a run: one that is long enough to be hit is sent first
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field

from tests.cluster.kube import Program
from tests.installed.clocks import Clocks
from tests.installed.conftest import EXECUTORS, SYSTEM
from tests.installed.machine import Container, Machine, until

PART = "app.kubernetes.io/component"
BUSY = "retort.dev/role=executor,retort.dev/task"
OUTAGE = float(os.environ.get("RETORT_OUTAGE", "15"))  # seconds without an object store
SELECTED = '{"spec":{"selector":{"retort.dev/gone":%s}}}'


@dataclass(frozen=True)
class Kind:
    strike: Callable[[], float]
    mend: Callable[[], float] | None = None
    after: Callable[[], None] = lambda: None
    around: Callable[[], AbstractContextManager[None]] = nullcontext
    run: bool = False


@dataclass
class Harm:
    machine: Machine
    kubectl: Program
    chance: random.Random
    frozen: list[Container] = field(default_factory=list)

    @property
    def system(self) -> Program:
        return self.kubectl.inside(SYSTEM)

    # -- one process -------------------------------------------------------------------------------------

    def part(self, component: str) -> float:
        """SIGKILL to its first process; the kubelet starts the container again."""
        return self._ended(SYSTEM, f"{PART}={component}")

    def executor(self) -> float:
        """SIGKILL to an executor that holds a task."""
        return self._ended(EXECUTORS, BUSY)

    def _ended(self, namespace: str, selector: str) -> float:
        """One that runs is awaited: the one before may have been ended a moment ago, and this one end by itself before it is
        struck, on a busy machine one after the other."""

        def killed() -> float:
            running = self.machine.containers(namespace, selector)
            if not running:
                return 0.0
            at = time.monotonic()
            self.machine.signal(self.chance.choice(running), "SIGKILL")
            return at

        return float(until(f"{selector} runs and is ended", killed, every=0.02))

    def daemon(self, name: str) -> float:
        at = time.monotonic()
        self.machine.restart(name)
        return at

    def running(self, component: str) -> Container:
        found: Container = until(
            f"{component} runs",
            lambda: next(iter(self.machine.containers(SYSTEM, f"{PART}={component}")), None),
        )
        return found

    # -- what others are reached by ----------------------------------------------------------------------

    def watches(self) -> float:
        """Every connection of operator and API to the API server, with whatever is under way on it."""
        addresses = [self.running(part).address for part in ("operator", "api")]
        at = time.monotonic()
        cut = sum(self.machine.cut(address) for address in addresses)
        assert cut, "there was no connection to cut"
        return at

    def store_gone(self) -> float:
        """No new connection finds it, and those there were ended with it."""
        self.system("patch", "service", "retort-dev-s3", "-p", SELECTED % '"yes"')
        return self.part("dev-s3")

    def store_back(self) -> float:
        time.sleep(OUTAGE)
        self.system("patch", "service", "retort-dev-s3", "-p", SELECTED % "null")
        return time.monotonic()

    # -- two operators -----------------------------------------------------------------------------------

    @contextmanager
    def two_operators(self) -> Iterator[None]:
        self.scale(2)
        try:
            yield
        finally:
            for one in self.frozen:
                self.machine.thaw(one)
            self.scale(1)

    def scale(self, count: int) -> None:
        self.system("scale", "deployment/retort-operator", f"--replicas={count}")
        until(f"{count} operators run", lambda: len(self.operators()) == count)
        self.system("rollout", "status", "deployment/retort-operator", "--timeout=60s", seconds=80)

    def operators(self) -> list[Container]:
        return self.machine.containers(SYSTEM, f"{PART}=operator")

    def leader_frozen(self) -> float:
        """As it stands, in the middle of whatever it was deciding."""
        holder = self.system("get", "lease", "retort-operator", "-o", "jsonpath={.spec.holderIdentity}")
        (leader,) = [one for one in self.operators() if one.pod == holder.rpartition("_")[0]]
        at = time.monotonic()
        self.machine.freeze(leader)
        self.frozen.append(leader)
        return at

    def leader_thawed(self) -> None:
        """It goes on where it was, believing that it leads, until it has found out; then its container starts anew."""
        old = self.frozen.pop()
        self.machine.thaw(old)
        until("the old leader ends", lambda: all(one.id != old.id for one in self.operators()), seconds=30)
        until("two operators run", lambda: len([one for one in self.operators() if one.ready]) == 2)


def kinds(harm: Harm) -> dict[str, Kind]:
    parts = {"operator": "operator", "api": "api", "broker": "broker", "postgresql": "dev-postgresql"}
    clocks = Clocks(harm.system, harm.chance)
    daemons = {"kubelet": "kubelet", "containerd": "containerd"}
    return {
        **{name: Kind(lambda part=part: harm.part(part)) for name, part in parts.items()},  # type: ignore[misc]
        "executor": Kind(harm.executor, run=True),
        **{name: Kind(lambda daemon=daemon: harm.daemon(daemon)) for name, daemon in daemons.items()},  # type: ignore[misc]
        "api-server": Kind(lambda: harm.daemon("kube-apiserver")),
        "watches": Kind(harm.watches),
        "object-store": Kind(harm.store_gone, mend=harm.store_back),
        "clock": Kind(clocks.set, around=clocks.settable),
        "two-operators": Kind(harm.leader_frozen, after=harm.leader_thawed, around=harm.two_operators),
    }
