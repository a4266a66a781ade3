"""Proof, node by node, that an executor reaches nothing: a probe Pod tries, this process is the control.

    probe Pod on the node                      control
    tries every target, unfiltered             this process reaches the same target now
    a worker tries the walls                   an unconfined process beside it
    listens where executors listen             the kubelet got through (the Pod is Ready); this process must not

What a target answers to nobody proves nothing, nor does one that had ended when it was tried. The Pod tells by its last word, which the kubelet brings along.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import structlog

from retort_core import reach
from retort_core.door import HEALTH_PORT, SESSION_PORT
from retort_core.errors import RetortError
from retort_core.probing import PASSED, Barrier
from retort_operator.cluster import PODS, Cluster
from retort_operator.fleet import Fleet
from retort_operator.pods import Maker, PodView, view
from retort_operator.profiles import Profile, Profiles
from retort_operator.proofs import API_SERVER, INGRESS, Proof, Proofs, judge

log = structlog.get_logger(__name__)
PROBE_SECONDS: Final = 60.0
AT_ONCE: Final = 3  # more would wait for each other's attempts until they listen no more
# The kubelet looks once a second: one that is called ready may have listened for a second.
INWARD_SECONDS: Final = reach.LISTENS - 1.0
NOT_TRIED: Final = "not tried"
KUBELET: Final = 10_250
RESOLV: Final = Path("/etc/resolv.conf")
Reach = Callable[[str], Awaitable[str]]


async def reached(target: str) -> str:
    return await asyncio.to_thread(reach.reach, target)


@dataclass(kw_only=True)
class Prober:
    """`proved`: something is known of a node that was not before. `targets`: of the whole cluster, see `targets_of`; names
    are looked up for each probe."""

    cluster: Cluster
    fleet: Fleet
    profiles: Profiles
    proofs: Proofs
    maker: Maker
    targets: Mapping[str, str]
    reach: Reach = reached
    proved: Callable[[], None] = lambda: None
    _flying: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _views: dict[str, PodView] = field(default_factory=dict)
    _changed: dict[str, asyncio.Event] = field(default_factory=dict)

    def look(self) -> None:
        """Starts what is due: nodes that executors are on and that are not proven, or not for much longer. Each sweep looks, so
        nodes in use no more are found here as well."""
        nodes = self._nodes()
        self.proofs.forget(set(nodes))
        for node, name in sorted(nodes.items()):
            if self.profiles.get(name) is not None and node not in self._flying and self.proofs.due(node):
                task = self._flying[node] = asyncio.create_task(self._in_turn(node))
                task.add_done_callback(lambda _, node=node: self._flying.pop(node, None))  # type: ignore[misc]

    def note(self, pod: PodView) -> None:
        """What the watch says of a probe Pod."""
        if pod.name in self._changed:
            self._views[pod.name] = pod
            self._changed[pod.name].set()

    @property
    def known(self) -> frozenset[str]:
        return frozenset(self._changed)

    def _nodes(self) -> dict[str, str]:
        """Those that executors are on, with the profile of one of them."""
        return {pod.node: pod.profile for pod in self.fleet if pod.node and not pod.over}

    async def _in_turn(self, node: str) -> None:
        """Whether it is wanted is asked again: its turn may come late."""
        async with self._room:
            profile = self.profiles.get(self._nodes().get(node, ""))
            if profile is not None and self.proofs.due(node):
                await self._prove(node, profile)

    async def _prove(self, node: str, profile: Profile) -> None:
        # In a thread, or a name server that does not answer would cost this process its Lease.
        targets = await asyncio.to_thread(looked_up, self.targets)
        policies = self.proofs.policies
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                proof = await self._tried(node, profile, targets, policies)
        except TimeoutError:
            proof = Proof(state="unknown", barriers=("the probe did not end in time",), policies=policies)
        except RetortError as problem:
            proof = Proof(
                state="unknown",
                barriers=(f"no probe could be made: {problem.message[:200]}",),
                policies=policies,
            )
        self.proofs.store(node, proof)
        level = log.info if proof.state == "proven" else log.warning
        level("node_probed", node=node, state=proof.state, barriers=proof.barriers)
        self.proved()

    async def _tried(self, node: str, profile: Profile, found: Mapping[str, str], policies: str) -> Proof:
        neighbour = self._neighbour()
        targets = {**found, "to-node": f"tcp:{reach.NODE}:{KUBELET}"}
        if neighbour is not None:
            targets["to-executor"] = f"tcp:{neighbour.ip}:{HEALTH_PORT}"
        body = self.maker.probe(profile.name, profile.spec, node, targets)
        name = body["metadata"]["name"]
        self._changed[name] = asyncio.Event()
        try:
            await self.cluster.create(PODS, self.maker.namespace, body)
            return judge(await self._barriers(name, targets, neighbour), policies)
        finally:
            self._changed.pop(name, None)
            self._views.pop(name, None)
            with contextlib.suppress(RetortError):
                await self.cluster.delete(PODS, self.maker.namespace, name)

    def _neighbour(self) -> PodView | None:
        """One idle executor: executors must not reach each other."""
        return next((pod for pod in self.fleet if pod.usable and pod.idle), None)

    async def _barriers(
        self, name: str, targets: Mapping[str, str], neighbour: PodView | None
    ) -> tuple[Barrier, ...]:
        ready = await self._until(name, lambda pod: pod.usable or pod.over)
        ingress = await self._ingress(ready)
        # Whoever is ready has tried all targets.
        stood = neighbour is not None and await self._stands(neighbour)
        ended = await self._until(name, lambda pod: pod.over)
        told = _told(ended)
        control = await self._control(targets, ended.host)
        control["to-executor"] = PASSED if stood else NOT_TRIED
        reached_: Mapping[str, str] = told.get("reached", {})
        barriers = [Barrier(one, reached_[one], control[one]) for one in targets if one in reached_]
        barriers += [Barrier(one, pair[0], pair[1]) for one, pair in told.get("walls", {}).items()]
        barriers.append(Barrier(INGRESS, PASSED, PASSED) if told.get("callers") else ingress)
        return tuple(barriers)

    async def _ingress(self, pod: PodView) -> Barrier:
        """From here, which is no broker, nobody may come in. The control is the kubelet, which got through; a refusal after
        nobody listened any more has none."""
        if not pod.usable:
            return Barrier(INGRESS, NOT_TRIED, NOT_TRIED)
        began = time.monotonic()
        ports = (SESSION_PORT, HEALTH_PORT)
        found = await asyncio.gather(*(self.reach(f"tcp:{pod.ip}:{port}") for port in ports))
        if PASSED in found:
            return Barrier(INGRESS, PASSED, PASSED)
        in_time = time.monotonic() - began <= INWARD_SECONDS and await self._stands(pod)
        return Barrier(INGRESS, found[0], PASSED if in_time else NOT_TRIED)

    async def _stands(self, pod: PodView) -> bool:
        """Whether the kubelet gets through to it still; asked of the API server, because a watch may lag."""
        raw = await self.cluster.get(PODS, self.maker.namespace, pod.name)
        found = view(raw) if raw is not None else None
        return found is not None and found.uid == pod.uid and found.usable

    async def _control(self, targets: Mapping[str, str], host: str) -> dict[str, str]:
        """The same targets from here, but for the neighbour: its control is the kubelet, which calls it ready."""
        outward = {
            name: value.replace(reach.NODE, host) for name, value in targets.items() if name != "to-executor"
        }
        found = await asyncio.gather(*(self.reach(value) for value in outward.values()))
        return dict(zip(outward, found, strict=True))

    async def _until(self, name: str, wanted: Callable[[PodView], bool]) -> PodView:
        """By the watch; asked for every two seconds as well, in case the watch is deaf."""
        while True:
            self._changed[name].clear()
            pod = self._views.get(name)
            if pod is not None and wanted(pod):
                return pod
            try:
                async with asyncio.timeout(2):
                    await self._changed[name].wait()
            except TimeoutError:
                raw = await self.cluster.get(PODS, self.maker.namespace, name)
                if raw is None:
                    raise TimeoutError from None
                self._views[name] = view(raw)


def _told(pod: PodView) -> dict[str, Any]:
    try:
        found = json.loads(pod.told)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def targets_of(server: str, urls: Mapping[str, str], own: str, extra: str) -> dict[str, str]:
    """`urls`: parts of this installation; `own`: "IP:PORT" of this process; `extra`: from the settings."""
    found = {API_SERVER: _tcp(server)}
    found |= {f"to-{name}": _tcp(url) for name, url in urls.items()}
    if own:
        found["to-operator"] = f"tcp:{own}"
    for server_ in _name_servers():
        found["to-dns"] = f"udp:{server_}:53"
    for part in filter(None, (part.strip() for part in extra.split(","))):
        name, _, where = part.partition("=")
        found[f"to-{name}"] = _tcp(f"tcp://{where}")
    return found


def _tcp(url: str) -> str:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    host = parts.hostname or ""
    return f"tcp:{f'[{host}]' if ':' in host else host}:{port}"


def looked_up(targets: Mapping[str, str]) -> dict[str, str]:
    """With addresses in place of names, because the Pod has no name server. It may take long."""
    return {name: _looked_up(target) for name, target in targets.items()}


def _looked_up(target: str) -> str:
    kind, _, rest = target.partition(":")
    host, _, port = rest.rpartition(":")
    try:
        found = str(socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0][4][0])
    except (OSError, UnicodeError):
        return target
    return f"{kind}:{f'[{found}]' if ':' in found else found}:{port}"


def _name_servers() -> list[str]:
    with contextlib.suppress(OSError):
        lines = RESOLV.read_text().splitlines()
        return [
            line.split()[1] for line in lines if line.startswith("nameserver ") and len(line.split()) > 1
        ][:1]
    return []
