"""Pods on this cluster: they run, speak, find each other by name, and are held to the restricted Pod Security."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

SLEEP = "import time; time.sleep(600)"
SERVE = (
    "import http.server as h; h.ThreadingHTTPServer(('', 8080), h.SimpleHTTPRequestHandler).serve_forever()"
)


def test_a_pod_runs_and_speaks(namespace_of, start_pod) -> None:
    pod = start_pod(namespace_of(), "print('Grüße, 你好')")
    assert pod.output() == "Grüße, 你好\n"


def test_a_program_runs_inside_a_running_pod(namespace_of, start_pod) -> None:
    pod = start_pod(namespace_of(), SLEEP).wait_ready()
    assert pod.run("import os; print(os.getpid() > 1)") == "True\n"


def test_a_service_is_found_by_its_name(kubectl, namespace_of, start_pod) -> None:
    namespace = namespace_of()
    start_pod(namespace, SERVE, name="server", labels={"app": "server"}).wait_ready()
    spec = {"selector": {"app": "server"}, "ports": [{"port": 80, "targetPort": 8080}]}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec}
    kubectl.inside(namespace).apply(service)
    ask = f"""
import time, urllib.error, urllib.request
for _ in range(200):
    try:
        print(urllib.request.urlopen("http://web.{namespace}.svc", timeout=2).status); break
    except urllib.error.URLError:
        time.sleep(0.1)
"""
    assert start_pod(namespace, ask, name="client").output() == "200\n"


def _privileged(spec: dict[str, Any], container: dict[str, Any]) -> None:
    container["securityContext"] |= {"privileged": True, "allowPrivilegeEscalation": True}


def _root(spec: dict[str, Any], container: dict[str, Any]) -> None:
    spec["securityContext"]["runAsNonRoot"] = False


def _host_network(spec: dict[str, Any], container: dict[str, Any]) -> None:
    spec["hostNetwork"] = True


def _host_folder(spec: dict[str, Any], container: dict[str, Any]) -> None:
    spec["volumes"].append({"name": "host", "hostPath": {"path": "/"}})


def _capability(spec: dict[str, Any], container: dict[str, Any]) -> None:
    container["securityContext"]["capabilities"] = {"drop": ["ALL"], "add": ["NET_ADMIN"]}


def _unfiltered(spec: dict[str, Any], container: dict[str, Any]) -> None:
    spec["securityContext"]["seccompProfile"] = {"type": "Unconfined"}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (_privileged, "privileged"), (_root, "runAsNonRoot"), (_host_network, "host namespaces"),
        (_host_folder, "hostPath"), (_capability, "capabilities"), (_unfiltered, "seccompProfile"),
    ],
)  # fmt: skip
def test_the_restricted_pod_security_refuses(
    change: Callable[[dict[str, Any], dict[str, Any]], None], named: str, kubectl, namespace_of, pod_shape
) -> None:
    inside = kubectl.inside(namespace_of(restricted=True))
    manifest = pod_shape("main", SLEEP)
    inside.apply(manifest)  # as it is, it is let in
    changed = json.loads(json.dumps({**manifest, "metadata": {"name": "other"}}))
    change(changed["spec"], changed["spec"]["containers"][0])
    said = inside.refused("apply", "-f", "-", given=changed)
    assert "violates PodSecurity" in said
    assert named in said
