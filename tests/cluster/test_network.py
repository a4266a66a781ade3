"""NetworkPolicies are enforced: a Pod that may reach nothing reaches nothing, from its first moment on.

Every target is a Pod, a Service or the API server of this cluster. Each refusal stands beside a control that gets
through at the same time: without it a dead network would look like a safe one.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

# TCP and UDP on 8080; whatever comes is answered.
LISTEN = """
import socket, threading
def udp():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("", 8080))
        while True:
            data, who = s.recvfrom(100)
            s.sendto(data, who)
threading.Thread(target=udp, daemon=True).start()
with socket.create_server(("", 8080)) as server:
    print("ready", flush=True)
    while True:
        server.accept()[0].close()
"""
# Dials each target and prints what came of it, as soon as the process lives.
DIAL = """
import json, socket, sys
def tcp(host, port):
    socket.create_connection((host, port), timeout=3).close()
def udp(host, port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(3)
        s.sendto(b"x", (host, port))
        s.recvfrom(10)
def dns(host, port):
    query = bytes.fromhex("0007010000010000000000000a6b756265726e657465730764656661756c74037376630763" "6c7573746572056c6f63616c0000010001")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(3)
        s.sendto(query, (host, port))
        assert s.recvfrom(512)[0][:2] == query[:2]
found = {}
for name, (how, host, port) in TARGETS.items():
    try:
        {"tcp": tcp, "udp": udp, "dns": dns}[how](host, port)
        found[name] = "reached"
    except OSError as problem:
        found[name] = "blocked"
print(json.dumps(found))
"""
NO_WAY_OUT = {
    "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "nothing"},
    "spec": {"podSelector": {}, "policyTypes": ["Egress"], "egress": []},
}  # fmt: skip


def dialling(targets: dict[str, tuple[str, str, int]]) -> str:
    return f"TARGETS = {targets!r}\n{DIAL}"


@pytest.fixture
def targets(kubectl, namespace_of, start_pod) -> dict[str, tuple[str, str, int]]:
    """A server Pod by its address and by a Service, the API server by its two addresses, the cluster's DNS."""
    namespace = namespace_of("server")
    server = start_pod(namespace, LISTEN, name="server", labels={"app": "server"}).wait_ready()
    inside = kubectl.inside(namespace)
    ports = [{"name": how, "port": 80, "targetPort": 8080, "protocol": how.upper()} for how in ("tcp", "udp")]
    service: dict[str, Any] = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "server"}}
    inside.apply({**service, "spec": {"selector": {"app": "server"}, "ports": ports}})
    address = inside.json("get", "service", "server")["spec"]["clusterIP"]
    default = kubectl.inside("default")
    api = default.json("get", "service", "kubernetes")["spec"]
    slices = default.json("get", "endpointslices", "-l", "kubernetes.io/service-name=kubernetes")["items"]
    dns = kubectl.inside("kube-system").json("get", "service", "kube-dns")["spec"]["clusterIP"]
    return {
        "pod by TCP": ("tcp", server.address, 8080),
        "pod by UDP": ("udp", server.address, 8080),
        "service by TCP": ("tcp", address, 80),
        "service by UDP": ("udp", address, 80),
        "API server": ("tcp", api["clusterIP"], api["ports"][0]["port"]),
        "API server's own address": (
            "tcp",
            slices[0]["endpoints"][0]["addresses"][0],
            slices[0]["ports"][0]["port"],
        ),
        "DNS": ("dns", dns, 53),
    }


def test_a_pod_without_egress_reaches_nothing_and_its_neighbour_everything(
    targets, kubectl, namespace_of, start_pod
) -> None:
    free, walled = namespace_of("free"), namespace_of("walled")
    kubectl.inside(walled).apply(NO_WAY_OUT)
    pods = {name: start_pod(name, dialling(targets), name="client") for name in (free, walled)}
    assert json.loads(pods[free].output()) == dict.fromkeys(targets, "reached")
    assert json.loads(pods[walled].output()) == dict.fromkeys(targets, "blocked")


def test_a_policy_closes_the_way_of_a_running_pod(targets, kubectl, namespace_of, start_pod) -> None:
    namespace = namespace_of("later")
    pod = start_pod(namespace, "import time; time.sleep(600)").wait_ready()
    ask = dialling({"pod by TCP": targets["pod by TCP"]})
    assert json.loads(pod.run(ask)) == {"pod by TCP": "reached"}
    kubectl.inside(namespace).apply(NO_WAY_OUT)
    # 0.2 s is usual; 10 s is what the product promises.
    closed = "import time\nfor _ in range(3):\n time.sleep(1)\n" + ask
    assert json.loads(pod.run(closed)) == {"pod by TCP": "blocked"}


def test_only_the_named_pods_reach_a_guarded_one(targets, kubectl, namespace_of, start_pod) -> None:
    guarded = namespace_of("guarded")
    rule = {"from": [{"namespaceSelector": {"matchLabels": {"role": "broker"}}}], "ports": [{"port": 8080}]}
    policy = {
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "broker-only"},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [rule]},
    }  # fmt: skip
    kubectl.inside(guarded).apply(policy)
    server = start_pod(guarded, LISTEN, name="server").wait_ready()
    ask = dialling({"server": ("tcp", server.address, 8080), "other pod": targets["pod by TCP"]})
    broker = start_pod(namespace_of("broker", {"role": "broker"}), ask)
    stranger = start_pod(namespace_of("stranger"), ask)
    assert json.loads(broker.output()) == {"server": "reached", "other pod": "reached"}
    assert json.loads(stranger.output()) == {"server": "blocked", "other pod": "reached"}
