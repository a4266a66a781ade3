"""The configuration of the node's daemons, as values; JSON where a daemon takes YAML.

Every number that differs from a default says why.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any, Final

from places import (
    API_PORT, CONTAINERD, DNS_SERVICE, DOMAIN, LOGS, NETWORKS, NODE_ADDRESS, NODE_POD_RANGE, PLUGINS, POD_RANGE,
    SETTINGS, Node,
)  # fmt: skip

PAUSE_IMAGE: Final = "localhost/pause:1"
CLIENTS: Final = ("controller-manager", "scheduler", "kubelet", "kube-proxy", "calico", "admin")
INSIDE_API: Final = f"https://{NODE_ADDRESS}:{API_PORT}"


def write(node: Node) -> None:
    folder = node.settings
    for name in CLIENTS:
        _private(folder / f"{name}.kubeconfig", kubeconfig(node, name, INSIDE_API))
    (folder / "containerd.toml").write_text(CONTAINERD_SETTINGS)
    (folder / "calico.conflist").write_text(json.dumps(cni(node), indent=1))
    (folder / "kubelet.json").write_text(json.dumps(kubelet(node), indent=1))
    (folder / "kube-proxy.json").write_text(json.dumps(kube_proxy(node), indent=1))


def write_outer_kubeconfigs(node: Node, port: int) -> None:
    """What people and tests use: the node's API by a loopback port of this machine."""
    for client, path in (("super-admin", node.super_kubeconfig), ("admin", node.kubeconfig)):
        _private(path, kubeconfig(node, client, f"https://127.0.0.1:{port}"))


def _private(path: Path, value: dict[str, Any]) -> None:
    path.touch(mode=0o600)
    path.write_text(json.dumps(value, indent=1))


def kubeconfig(node: Node, client: str, server: str) -> dict[str, Any]:
    def data(name: str) -> str:
        return base64.b64encode((node.settings / name).read_bytes()).decode()

    user = {"client-certificate-data": data(f"{client}.crt"), "client-key-data": data(f"{client}.key")}
    cluster = {"server": server, "certificate-authority-data": data("ca.crt")}
    return {
        "apiVersion": "v1", "kind": "Config", "current-context": node.name,
        "clusters": [{"name": node.name, "cluster": cluster}],
        "users": [{"name": client, "user": user}],
        "contexts": [{"name": node.name, "context": {"cluster": node.name, "user": client}}],
    }  # fmt: skip


# restrict_oom_score_adj: root of a small virtual machine may lack CAP_SYS_RESOURCE; runc then dies when it
# lowers the score. Storage drivers that are not there only slow the start.
CONTAINERD_SETTINGS: Final = f"""\
version = 2
root = "/var/lib/containerd"
state = "/run/containerd/state"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.internal.v1.tracing", "io.containerd.tracing.processor.v1.otlp",
]
[grpc]
  address = "{CONTAINERD}"
[plugins."io.containerd.internal.v1.opt"]
  path = "/run/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{PLUGINS}"
    conf_dir = "{NETWORKS}"
    max_conf_num = 1
"""


def cni(node: Node) -> dict[str, Any]:
    """The Pod network. Put in place only once policies are enforced: until then the node is NotReady."""
    calico = {
        "type": "calico", "datastore_type": "kubernetes", "nodename": node.name, "nodename_file_optional": True,
        "mtu": 1400, "log_level": "warning", "log_file_path": f"{LOGS}/cni.log",
        "ipam": {"type": "host-local", "dataDir": "/run/cni-ipam", "ranges": [[{"subnet": NODE_POD_RANGE}]]},
        "policy": {"type": "k8s"}, "kubernetes": {"kubeconfig": f"{SETTINGS}/calico.kubeconfig"},
        "policy_setup_timeout_seconds": 10,  # a Pod starts when its policies are in the kernel, not before
        "endpoint_status_dir": "/run/calico/endpoint-status",
    }  # fmt: skip
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "0.4.0", "name": "pods", "plugins": [calico, ports]}


def kubelet(node: Node) -> dict[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
        "address": NODE_ADDRESS, "port": 10250, "readOnlyPort": 0, "healthzBindAddress": "127.0.0.1",
        "authentication": {
            "anonymous": {"enabled": False}, "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{SETTINGS}/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": f"{SETTINGS}/kubelet-server.crt", "tlsPrivateKeyFile": f"{SETTINGS}/kubelet-server.key",
        "containerRuntimeEndpoint": f"unix://{CONTAINERD}", "serializeImagePulls": False,
        "failCgroupV1": False, "cgroupDriver": "cgroupfs", "cgroupRoot": f"/{node.cgroup}",
        "enforceNodeAllocatable": ["pods"], "kubeletCgroups": "",
        "clusterDomain": DOMAIN, "clusterDNS": [DNS_SERVICE], "resolvConf": "/etc/resolv.conf",
        "seccompDefault": True, "failSwapOn": False,
        "maxPods": 110, "podPidsLimit": 256, "maxOpenFiles": 20000,
        # The machine's disk may well be nearly full, and images cannot be fetched again.
        "imageGCHighThresholdPercent": 100, "imageGCLowThresholdPercent": 99,
        "evictionHard": {
            "memory.available": "200Mi", "nodefs.available": "1%", "nodefs.inodesFree": "1%",
            "imagefs.available": "1%",
        },
        # Tests end the same container again and again, on purpose: they are not made to wait for up to 5 minutes.
        "crashLoopBackOff": {"maxContainerRestartPeriod": "1s"},
        # Tests wait for these.
        "evictionPressureTransitionPeriod": "10s", "volumeStatsAggPeriod": "10s",
        "nodeStatusUpdateFrequency": "5s", "syncFrequency": "30s", "fileCheckFrequency": "0s",
    }  # fmt: skip


def kube_proxy(node: Node) -> dict[str, Any]:
    pace = {"minSyncPeriod": "100ms", "syncPeriod": "30s"}
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration", "mode": "nftables",
        "hostnameOverride": node.name, "clusterCIDR": POD_RANGE, "bindAddress": NODE_ADDRESS,
        "healthzBindAddress": "127.0.0.1:10256", "metricsBindAddress": "127.0.0.1:10249",
        "clientConnection": {"kubeconfig": f"{SETTINGS}/kube-proxy.kubeconfig"},
        # Its size belongs to the whole machine: left as it is.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        "iptables": pace, "nftables": pace,
    }  # fmt: skip
