"""An API server in memory, faithful where the operator depends on it: versions, conflicts, preconditions, subresources,
generations, pages, selectors, watches with bookmarks and 410. What runs Pods in it is `fake_kubelet`.

Every write is counted. Faults are injected by whoever holds it: see `fail`, `silent`, `cut`, `expire`.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

Raw = dict[str, Any]
CUSTOM = "/apis/retort.dev/v1alpha1"
KINDS = {
    "agenttasks": (CUSTOM, "AgentTask", True),
    "datacommits": (CUSTOM, "DataCommit", True),
    "executorprofiles": (CUSTOM, "ExecutorProfile", True),
    "pods": ("/api/v1", "Pod", True),
    "namespaces": ("/api/v1", "Namespace", False),
    "events": ("/apis/events.k8s.io/v1", "Event", True),
    "leases": ("/apis/coordination.k8s.io/v1", "Lease", True),
    "networkpolicies": ("/apis/networking.k8s.io/v1", "NetworkPolicy", True),
}
WITH_STATUS = {"agenttasks", "executorprofiles", "pods"}
KEPT = 200_000  # events a watch can resume from


def clone(body: Raw) -> Raw:
    """Five times as fast as copy.deepcopy; objects are JSON anyway."""
    found: Raw = json.loads(json.dumps(body))
    return found


def stamp() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Refusal(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class Fault:
    verb: str
    plural: str
    status: int
    times: int
    where: Callable[[str], bool] = lambda _: True
    namespace: str = ""  # any


class FakeCluster:
    def __init__(self) -> None:
        self.objects: dict[str, dict[tuple[str, str], Raw]] = {plural: {} for plural in KINDS}
        self.version = 1000
        self.writes: Counter[tuple[str, str, str]] = Counter()
        self.by_name: Counter[tuple[str, str, str]] = Counter()  # verb, plural/sub, name
        self.log: dict[str, deque[tuple[int, str, Raw]]] = {plural: deque(maxlen=KEPT) for plural in KINDS}
        self.faults: list[Fault] = []
        self.deaf: set[str] = set()  # watches that are told nothing
        # verb, plural, and a namespace or not: not answered until it is taken out again
        self.silent: set[tuple[str, ...]] = set()
        self.forbidden: set[str] = set()  # namespaces of which nothing may be read
        self.quotas: dict[str, int] = {}  # by plural: how many of them a namespace may have
        self.oldest = 0  # versions before this are gone for watches
        self.bookmarks = 5.0
        self.on_change: list[Callable[[str, str, Raw], None]] = []
        self._heard: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._generation = 0  # of connections; see `cut`
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def open(self, port: int = 0) -> None:
        app = web.Application(client_max_size=4 << 20)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        self.cut()
        if self._runner is not None:
            await self._runner.cleanup()

    # -- for tests ---------------------------------------------------------------------------------------

    def fail(
        self,
        verb: str,
        plural: str,
        status: int,
        times: int = 1,
        where: Callable[[str], bool] = lambda _: True,
        namespace: str = "",
    ) -> None:
        self.faults.append(Fault(verb, plural, status, times, where, namespace))

    def cut(self) -> None:
        """Ends every open watch."""
        self._generation += 1
        for plural, event in list(self._heard.items()):
            event.set()
            self._heard[plural] = asyncio.Event()

    def expire(self) -> None:
        """What happened so far can no longer be resumed from: watches get 410."""
        self.oldest = self.version
        self.cut()

    def get(self, plural: str, name: str, namespace: str = "") -> Raw | None:
        return self.objects[plural].get((namespace, name))

    def all(self, plural: str, namespace: str | None = None) -> list[Raw]:
        return [one for (ns, _), one in self.objects[plural].items() if namespace in (None, ns)]

    def add(self, plural: str, name: str, namespace: str = "", spec: Raw | None = None, **meta: Any) -> Raw:
        prefix, kind, _ = KINDS[plural]
        api = prefix.removeprefix("/apis/").removeprefix("/api/")
        body: Raw = {"apiVersion": api, "kind": kind, "metadata": {"name": name, **meta}, "spec": spec or {}}
        if namespace:
            body["metadata"]["namespace"] = namespace
        return self._created(plural, namespace, body)

    def change(self, plural: str, name: str, namespace: str, patch: Raw, sub: str = "") -> Raw:
        return self._patched(plural, namespace, name, clone(patch), sub)

    def remove(self, plural: str, name: str, namespace: str = "") -> None:
        self._deleted(plural, namespace, name)

    # -- storage -----------------------------------------------------------------------------------------

    def _next(self) -> str:
        self.version += 1
        return str(self.version)

    def _told(self, plural: str, kind: str, body: Raw) -> None:
        self.log[plural].append((self.version, kind, body))
        self._heard[plural].set()
        self._heard[plural] = asyncio.Event()
        for one in self.on_change:
            one(plural, kind, body)

    def _created(self, plural: str, namespace: str, body: Raw) -> Raw:
        body = clone(body)
        metadata = body["metadata"]
        if namespace:
            metadata.setdefault("namespace", namespace)
        key = (namespace, metadata["name"])
        if key in self.objects[plural]:
            raise Refusal(409, f"{plural} {metadata['name']!r} already exists")
        if plural != "namespaces" and plural in ("datacommits", "agenttasks", "events"):
            home = self.objects["namespaces"].get(("", namespace))
            if home is not None and "deletionTimestamp" in home["metadata"]:
                raise Refusal(403, f"namespace {namespace} is being terminated")
        self._count(plural, namespace, metadata["name"])
        if plural == "agenttasks":
            check_new(body)
        metadata.setdefault("uid", str(uuid.uuid4()))
        metadata.setdefault("creationTimestamp", stamp())
        metadata["generation"] = 1
        metadata["resourceVersion"] = self._next()
        if plural in WITH_STATUS and plural != "pods":
            body["status"] = {}  # whatever it brings
        self.objects[plural][key] = body
        self._told(plural, "ADDED", body)
        return body

    def _count(self, plural: str, namespace: str, name: str) -> None:
        """As a ResourceQuota of the namespace, word by word."""
        used, most = len(self.all(plural, namespace)), self.quotas.get(plural)
        if most is not None and used >= most:
            what = f"count/{plural}.retort.dev"
            raise Refusal(
                403, f'{plural}.retort.dev "{name}" is forbidden: exceeded quota: tasks, requested: {what}=1, '
                f"used: {what}={used}, limited: {what}={most}",
            )  # fmt: skip

    def _found(self, plural: str, namespace: str, name: str) -> Raw:
        found = self.objects[plural].get((namespace, name))
        if found is None:
            raise Refusal(404, f"{plural} {name!r} not found")
        return found

    def _patched(self, plural: str, namespace: str, name: str, patch: Raw, sub: str) -> Raw:
        old = self._found(plural, namespace, name)
        meta = patch.get("metadata") or {}
        self._precondition(old, meta)
        new = clone(old)
        if plural in WITH_STATUS and sub == "status":
            patch = {"status": patch.get("status")}
        elif plural in WITH_STATUS:
            patch = {key: value for key, value in patch.items() if key != "status"}
        merge(new, patch)
        return self._replaced(plural, namespace, name, old, new)

    def _precondition(self, old: Raw, meta: Raw) -> None:
        for key in ("resourceVersion", "uid"):
            if meta.get(key) and meta[key] != old["metadata"][key]:
                raise Refusal(409, f"the object has been modified: {key}")

    def _replaced(self, plural: str, namespace: str, name: str, old: Raw, new: Raw) -> Raw:
        if plural == "agenttasks":
            check_terminal(old, new)
        if strip(new) == strip(old):
            return old
        metadata = new["metadata"]
        metadata["uid"] = old["metadata"]["uid"]
        if new.get("spec") != old.get("spec"):
            metadata["generation"] = old["metadata"]["generation"] + 1
        metadata["resourceVersion"] = self._next()
        self.objects[plural][namespace, name] = new
        self._told(plural, "MODIFIED", new)
        return new

    def _deleted(self, plural: str, namespace: str, name: str, uid: str = "") -> Raw:
        found = self._found(plural, namespace, name)
        if uid and uid != found["metadata"]["uid"]:
            raise Refusal(409, "precondition failed: uid")
        if (
            plural == "pods"
            and found.get("spec", {}).get("nodeName")
            and "deletionTimestamp" not in found["metadata"]
        ):
            leaving = clone(found)
            leaving["metadata"]["deletionTimestamp"] = stamp()
            return self._replaced(plural, namespace, name, found, leaving)
        if plural == "pods" and "deletionTimestamp" in found["metadata"]:
            return found
        return self.finalize(plural, namespace, name)

    def finalize(self, plural: str, namespace: str, name: str) -> Raw:
        found = clone(self.objects[plural].pop((namespace, name)))
        found["metadata"]["resourceVersion"] = self._next()
        self._told(plural, "DELETED", found)
        return found

    # -- HTTP --------------------------------------------------------------------------------------------

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        path = "/" + request.match_info["path"]
        try:
            for plural, (prefix, _, namespaced) in KINDS.items():
                found = parse(path, prefix, plural, namespaced)
                if found is not None:
                    return await self._object(request, plural, *found)
            return self._discovery(path)
        except Refusal as refusal:
            body = {"kind": "Status", "status": "Failure", "code": refusal.status, "message": str(refusal)}
            return web.json_response(body, status=refusal.status)

    async def _object(
        self, request: web.Request, plural: str, namespace: str, name: str, sub: str
    ) -> web.StreamResponse:
        method = request.method
        if namespace in self.forbidden:
            raise Refusal(403, f"forbidden: {plural} of {namespace}")
        if method == "GET" and request.query.get("watch") == "true":
            return await self._watch(request, plural, namespace)
        verb = {"POST": "create", "PATCH": "patch", "PUT": "update", "DELETE": "delete" if name else "deletecollection",
                "GET": "get" if name else "list"}[method]  # fmt: skip
        while not self.silent.isdisjoint({(verb, plural), (verb, plural, namespace)}):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.02)
        self._faulty(verb, plural + (f"/{sub}" if sub else ""), name, namespace)
        if method == "GET":
            return web.json_response(
                self._found(plural, namespace, name) if name else self._listed(request, plural, namespace)
            )
        body = await request.json() if request.can_read_body else {}
        shown = name or (body.get("metadata") or {}).get("name", "")
        self.writes[verb, plural, sub] += 1
        self.by_name[verb, plural + (f"/{sub}" if sub else ""), shown] += 1
        if verb == "create":
            return web.json_response(self._created(plural, namespace, body), status=201)
        if verb == "patch":
            return web.json_response(self._patched(plural, namespace, name, body, sub))
        if verb == "update":
            old = self._found(plural, namespace, name)
            self._precondition(old, body.get("metadata") or {})
            return web.json_response(self._replaced(plural, namespace, name, old, body))
        if verb == "delete":
            uid = (body.get("preconditions") or {}).get("uid", "")
            return web.json_response(self._deleted(plural, namespace, name, uid))
        for one in [
            one
            for one in self.all(plural, namespace)
            if selected(one, request.query.get("labelSelector", ""))
        ]:
            self._deleted(plural, namespace, one["metadata"]["name"])
        return web.json_response({"kind": "Status", "status": "Success"})

    def _faulty(self, verb: str, plural: str, name: str, namespace: str) -> None:
        for fault in list(self.faults):
            here = fault.namespace in (namespace, "") and fault.where(name)
            if fault.verb in (verb, "*") and fault.plural in (plural, "*") and here:
                fault.times -= 1
                if fault.times <= 0:
                    self.faults.remove(fault)
                raise Refusal(fault.status, "injected")

    def _listed(self, request: web.Request, plural: str, namespace: str) -> Raw:
        selector = request.query.get("labelSelector", "")
        found = [one for one in self.all(plural, namespace or None) if selected(one, selector)]
        start, limit = int(request.query.get("continue") or 0), int(request.query.get("limit") or 0)
        page = found[start : start + limit] if limit else found
        if "PartialObjectMetadata" in request.headers.get("Accept", ""):
            page = [
                {"metadata": one["metadata"]} for one in page
            ] or None  # as a real one says that there is nothing
        more = str(start + limit) if limit and start + limit < len(found) else ""
        return {"kind": f"{KINDS[plural][1]}List", "apiVersion": "v1", "items": page,
                "metadata": {"resourceVersion": str(self.version), **({"continue": more} if more else {})}}  # fmt: skip

    async def _watch(self, request: web.Request, plural: str, namespace: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        since, selector = (
            int(request.query.get("resourceVersion") or 0),
            request.query.get("labelSelector", ""),
        )
        generation = self._generation
        if since < self.oldest:
            gone = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old"}}
            await response.write(json.dumps(gone).encode() + b"\n")
            return response
        while generation == self._generation:
            heard = self._heard[plural]
            lines = []
            newest = since
            for version, kind, body in reversed(self.log[plural]):
                if version <= since:
                    break
                newest = max(newest, version)
                if namespace in ("", body["metadata"].get("namespace", "")) and selected(body, selector):
                    lines.append(json.dumps({"type": kind, "object": body}).encode() + b"\n")
            if plural in self.deaf:
                lines = []
            else:
                since = newest
            if lines:
                await response.write(b"".join(reversed(lines)))
            try:
                async with asyncio.timeout(self.bookmarks):
                    await heard.wait()
            except TimeoutError:
                mark = {
                    "type": "BOOKMARK",
                    "object": {"kind": KINDS[plural][1], "metadata": {"resourceVersion": str(since)}},
                }
                await response.write(json.dumps(mark).encode() + b"\n")
        return response

    def _discovery(self, path: str) -> web.Response:
        groups = sorted({prefix for prefix, _, _ in KINDS.values()})
        if path == "/version":
            return web.json_response({"major": "1", "minor": "36", "gitVersion": "v1.36.3"})
        if path == "/api":
            return web.json_response({"kind": "APIVersions", "versions": ["v1"]})
        if path == "/apis":
            named = [prefix.split("/")[2:] for prefix in groups if prefix.startswith("/apis/")]
            listed = [
                {"name": group, "versions": [{"groupVersion": f"{group}/{version}", "version": version}],
                 "preferredVersion": {"groupVersion": f"{group}/{version}", "version": version}}
                for group, version in named
            ]  # fmt: skip
            return web.json_response({"kind": "APIGroupList", "groups": listed})
        if path in groups:
            resources = []
            for plural, (prefix, kind, namespaced) in KINDS.items():
                if prefix == path:
                    verbs = ["create", "get", "list", "watch", "patch", "update", "delete"]
                    one = {
                        "name": plural,
                        "kind": kind,
                        "namespaced": namespaced,
                        "singularName": kind.lower(),
                        "verbs": verbs,
                    }
                    resources.append(one)
                    if plural in WITH_STATUS:
                        resources.append({**one, "name": f"{plural}/status"})
            return web.json_response(
                {
                    "kind": "APIResourceList",
                    "groupVersion": path.removeprefix("/apis/").removeprefix("/api/"),
                    "resources": resources,
                }
            )
        raise Refusal(404, f"no such path: {path}")


def parse(path: str, prefix: str, plural: str, namespaced: bool) -> tuple[str, str, str] | None:
    """(namespace, name, subresource)"""
    if not path.startswith(prefix + "/"):
        return None
    parts = path.removeprefix(prefix + "/").split("/")
    namespace = ""
    if namespaced and parts[0] == "namespaces" and len(parts) >= 3:
        namespace, parts = parts[1], parts[2:]
    if parts[0] != plural or len(parts) > 3 or (not namespaced and len(parts) > 2):
        return None
    return namespace, parts[1] if len(parts) > 1 else "", parts[2] if len(parts) > 2 else ""


def merge(target: Raw, patch: Raw) -> None:
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict):
            if not isinstance(target.get(key), dict):
                target[key] = {}
            merge(target[key], value)
        else:
            target[key] = value


def strip(body: Raw) -> Raw:
    return {
        **body,
        "metadata": {k: v for k, v in body["metadata"].items() if k not in ("resourceVersion", "generation")},
    }


def selected(body: Raw, selector: str) -> bool:
    marks = body["metadata"].get("labels") or {}
    for part in filter(None, selector.split(",")):
        key, sep, value = part.partition("=")
        if (marks.get(key) != value) if sep else (key not in marks):
            return False
    return True


def check_new(body: Raw) -> None:
    """As the rules of the custom resource: nobody answers what was not asked yet."""
    for name in ("answer", "approval"):
        if (body.get("spec") or {}).get(name):
            raise Refusal(422, f"a new task cannot bring this: spec.{name}")


def check_terminal(old: Raw, new: Raw) -> None:
    """As the rule of the custom resource: how a task ended never changes, and it ends once."""

    def ends(body: Raw) -> list[tuple[str, str, str]]:
        found = (body.get("status") or {}).get("conditions") or ()
        return [
            (one["type"], one["reason"], one["lastTransitionTime"])
            for one in found
            if one["status"] == "True" and one["type"] in ("Complete", "Failed")
        ]

    if not set(ends(old)) <= set(ends(new)) or len(ends(new)) > 1:
        raise Refusal(422, "how a task ended never changes")
