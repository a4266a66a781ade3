"""An executor's Pod: what is asked of the API server, and what of its answers is kept. Pure.

Restricted in every way that Kubernetes knows, and holding nothing: no token, no address, no name server, no volume but
bounded memory, one key that opens one session. Its name and nonce are ours, because the key is made from them.
"""

from __future__ import annotations

import hashlib
import json
import math
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from retort_core.door import HEALTH_PORT, SESSION_PORT
from retort_core.handshake import session_key
from retort_core.http.internal import PodAddress, RunLimits
from retort_core.resources import labels
from retort_core.resources.v1alpha1 import ExecutorProfileSpec, amount

ACCOUNT: Final = "retort-executor"
WORKER: Final = "retort_executor.worker:main"
USERS: Final = (20_000, 60_000)  # a user of its own for each Pod of a node, where the draw allows
SUPERVISOR_BYTES: Final = 256 << 20  # what the Pod needs beside the run: supervisor, fork server, polars
GRACE_SECONDS: Final = 2
READY_SECONDS: Final = 30  # that a probe waits for its answer; a start takes 2 s, 20 on a crowded node
RESERVED: Final = 0.025
Phase: TypeAlias = Literal["Pending", "Running", "Succeeded", "Failed", "Unknown"]


@dataclass(frozen=True, kw_only=True)
class Maker:
    """What Pods are made with. `secret`: K of the handshake."""

    namespace: str
    secret: bytes

    def executor(
        self, profile: str, spec: ExecutorProfileSpec, users: Collection[int] = ()
    ) -> dict[str, Any]:
        name, nonce = f"{profile[:40]}-{secrets.token_hex(5)}", secrets.token_hex(16)
        key = session_key(self.secret, name, nonce).hex()
        threads = max(1, math.ceil(amount(spec.resources.cpu)))
        command = ["python", "-I", "-m", "retort_core.door", "--worker", WORKER, "--threads", str(threads)]
        environment = {labels.SESSION_KEY_VARIABLE: key, labels.POD_NAME_VARIABLE: name}
        marks = {
            labels.ROLE: labels.EXECUTOR,
            labels.PROFILE: profile,
            labels.TEMPLATE: template_of(spec),
            labels.STATE: labels.IDLE,
        }
        body = self._pod(name, spec, command, environment, marks, users)
        body["metadata"]["annotations"] = {labels.NONCE: nonce}
        return body

    def probe(
        self, profile: str, spec: ExecutorProfileSpec, node: str, targets: Mapping[str, str]
    ) -> dict[str, Any]:
        """The same Pod in everything that matters to a network policy, with a program that tries to get out."""
        name = f"probe-{secrets.token_hex(5)}"
        command = ["python", "-I", "-m", "retort_core.reach", json.dumps(dict(targets), sort_keys=True)]
        marks = {labels.ROLE: labels.PROBE, labels.PROFILE: profile}
        body = self._pod(name, spec, command, {}, marks, ())
        body["spec"]["containers"][0]["env"] = [
            {"name": "RETORT_HOST_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}}
        ]
        body["spec"]["activeDeadlineSeconds"] = 120
        wanted = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
        body["spec"]["affinity"] = {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [wanted]}
            }
        }
        return body

    def _pod(
        self,
        name: str,
        spec: ExecutorProfileSpec,
        command: list[str],
        environment: Mapping[str, str],
        marks: Mapping[str, str],
        users: Collection[int],
    ) -> dict[str, Any]:
        user = _user(users)
        limits = {"cpu": spec.resources.cpu, "memory": spec.resources.memory}
        requests = {"cpu": _asked_for(spec.resources.cpu), "memory": spec.resources.memory}
        container = {
            "name": "executor",
            "image": spec.image,
            "imagePullPolicy": spec.image_pull_policy,
            "command": command,
            "env": [{"name": key, "value": value} for key, value in environment.items()],
            "ports": [
                {"name": "session", "containerPort": SESSION_PORT},
                {"name": "health", "containerPort": HEALTH_PORT},
            ],
            # Answered once every wall has been tried, and held until then; a second is the shortest period there is.
            "readinessProbe": {
                "httpGet": {"port": HEALTH_PORT},
                "timeoutSeconds": READY_SECONDS,
                "periodSeconds": 1,
                "failureThreshold": 1,
            },
            "resources": {"requests": requests, "limits": limits},
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "privileged": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            },
            "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - inside the Pod
            "terminationMessagePolicy": "File",
        }
        found: dict[str, Any] = {
            "restartPolicy": "Never",
            "serviceAccountName": ACCOUNT,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": GRACE_SECONDS,
            "dnsPolicy": "None",
            "dnsConfig": {"nameservers": ["127.0.0.1"]},
            "hostNetwork": False,
            "hostPID": False,
            "hostIPC": False,
            "shareProcessNamespace": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": user,
                "runAsGroup": user,
                "fsGroup": user,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
            "volumes": [
                {"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": spec.resources.scratch}}
            ],
        }
        found |= _placement(spec)
        metadata = {"name": name, "namespace": self.namespace, "labels": dict(marks)}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": found}


def _asked_for(cpu: str) -> str:
    """What is reserved of a limit of processor time: an idle executor uses none of it, but needs all of it to be ready soon
    (with half a core as the limit, a pool took 6 s to make up for one). What is reserved is also the weight on a busy node, and
    executors that start must not outweigh the service that others wait for: twenty of them with half a core each reserve a fourth of
    one, as much as a broker. Memory is reserved whole, so that it says how many fit."""
    return f"{max(1, round(amount(cpu) * 1000 * RESERVED))}m"


def _user(taken: Collection[int]) -> int:
    for _ in range(20):
        user = USERS[0] + secrets.randbelow(USERS[1] - USERS[0])
        if user not in taken:
            break
    return user


def _placement(spec: ExecutorProfileSpec) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if spec.runtime_class_name:
        found["runtimeClassName"] = spec.runtime_class_name
    if spec.user_namespaces == "Own":
        found["hostUsers"] = False
    if spec.node_labels:
        found["nodeSelector"] = {one.key: one.value for one in spec.node_labels}
    if spec.tolerations:
        found["tolerations"] = [one.model_dump(exclude_defaults=True) for one in spec.tolerations]
    return found


def template_of(spec: ExecutorProfileSpec) -> str:
    """Changes when a Pod made from `spec` would be another one; how many there are does not matter."""
    shape = spec.model_dump(mode="json", exclude={"replicas", "capacity", "allowed_namespaces", "limits"})
    return hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()[:16]


def limits_of(spec: ExecutorProfileSpec, deadline: int) -> RunLimits:
    memory = int(amount(spec.resources.memory)) - SUPERVISOR_BYTES
    return RunLimits(
        seconds=min(deadline, spec.limits.run_seconds),
        memory_bytes=max(memory, 64 << 20),
        output_bytes=int(amount(spec.limits.output)),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class PodView:
    """The few facts of a Pod that anything is decided on; a whole one has 6 KB."""

    name: str
    uid: str
    version: str
    role: str = labels.EXECUTOR
    profile: str = ""
    template: str = ""
    task: str = ""
    attempt: int = 0
    tenant: str = ""
    node: str = ""
    host: str = ""  # address of the node
    ip: str = ""
    nonce: str = ""
    user: int = 0
    phase: Phase = "Pending"
    ready: bool = False
    leaving: bool = False
    reason: str = ""
    told: str = ""  # what it wrote as its last word
    made_at: str = ""

    @property
    def over(self) -> bool:
        return self.phase in ("Succeeded", "Failed")

    @property
    def usable(self) -> bool:
        return self.ready and self.phase == "Running" and not self.leaving and bool(self.ip)

    @property
    def idle(self) -> bool:
        return not self.task and not self.leaving and not self.over

    @property
    def taken(self) -> bool:
        return bool(self.task) and not self.leaving and not self.over

    def address(self) -> PodAddress:
        return PodAddress(name=self.name, uid=self.uid, ip=self.ip, port=SESSION_PORT, nonce=self.nonce)


def view(raw: Mapping[str, Any]) -> PodView:
    metadata, status = raw["metadata"], raw.get("status") or {}
    marks = metadata.get("labels") or {}
    conditions = {one["type"]: one["status"] for one in status.get("conditions") or ()}
    return PodView(
        name=metadata["name"],
        uid=metadata.get("uid", ""),
        version=metadata.get("resourceVersion", ""),
        role=marks.get(labels.ROLE, ""),
        profile=marks.get(labels.PROFILE, ""),
        template=marks.get(labels.TEMPLATE, ""),
        task=marks.get(labels.TASK, ""),
        attempt=int(marks.get(labels.ATTEMPT) or 0),
        tenant=marks.get(labels.TENANT, ""),
        node=(raw.get("spec") or {}).get("nodeName") or "",
        host=status.get("hostIP") or "",
        ip=status.get("podIP") or "",
        nonce=(metadata.get("annotations") or {}).get(labels.NONCE, ""),
        user=int(((raw.get("spec") or {}).get("securityContext") or {}).get("runAsUser") or 0),
        phase=status.get("phase") or "Pending",
        ready=conditions.get("Ready") == "True",
        leaving="deletionTimestamp" in metadata,
        reason=_reason(status),
        told=_told(status),
        made_at=metadata.get("creationTimestamp") or "",
    )


def _reason(status: Mapping[str, Any]) -> str:
    """Why it ended or does not start, in a few words: of the Pod, else of its container."""
    parts = [status.get("reason") or "", status.get("message") or ""]
    for one in status.get("containerStatuses") or ():
        for state in (one.get("state") or {}).values():
            parts += [
                state.get("reason") or "",
                f"exit code {state['exitCode']}" if state.get("exitCode") else "",
            ]
    return ": ".join(part[:200] for part in parts if part and part != "Completed")[:500]


def _told(status: Mapping[str, Any]) -> str:
    for one in status.get("containerStatuses") or ():
        ended = (one.get("state") or {}).get("terminated") or {}
        if ended.get("message"):
            return str(ended["message"])[:4096]
    return ""


def claim_patch(pod: PodView, task: str, attempt: int, tenant: str) -> dict[str, Any]:
    """Refused with 409 unless the Pod is exactly as it was seen: two claims of one Pod cannot both succeed."""
    marks = {
        labels.STATE: labels.CLAIMED,
        labels.TASK: task,
        labels.ATTEMPT: str(attempt),
        labels.TENANT: tenant,
    }
    return {"metadata": {"uid": pod.uid, "resourceVersion": pod.version, "labels": marks}}
