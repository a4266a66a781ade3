"""Where the test cluster keeps what it makes, and which addresses it uses inside.

Everything lies below one cache folder outside the repository. What is built is shared by all nodes and named by
a digest of its inputs; what runs belongs to one node, and nodes of different names run side by side.
Addresses exist in a node's own network namespace only, so they are the same for every node.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
REPOSITORY: Final = HERE.parents[1]

NODE_ADDRESS: Final = "10.254.0.2"
# A pair of devices of which both ends are in the node: it is connected to nothing.
UPLINK, UPLINK_END = "uplink0", "uplink1"
POD_RANGE: Final = "10.244.0.0/16"
NODE_POD_RANGE: Final = "10.244.0.0/24"
SERVICE_RANGE: Final = "10.96.0.0/16"
API_SERVICE: Final = "10.96.0.1"
DNS_SERVICE: Final = "10.96.0.10"
API_PORT: Final = 6443
POD_GATEWAY: Final = "169.254.1.1"  # Calico's, the same for all Pods
DOMAIN: Final = "cluster.local"

# Paths as the daemons see them, in the node's own root.
PROGRAMS: Final = "/opt/retort-node/bin"
PLUGINS: Final = "/opt/cni/bin"
SETTINGS: Final = "/etc/kubernetes"
NETWORKS: Final = "/etc/cni/net.d"
LOGS: Final = "/var/log/node"
CONTAINERD: Final = "/run/containerd/containerd.sock"


def cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "retort-node"


def content_key(*parts: bytes | str | Path) -> str:
    """A short name for these contents; a Path stands for the file's bytes."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.read_bytes() if isinstance(part, Path) else part
        data = data.encode() if isinstance(data, str) else data
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Node:
    """One node's folder: what it is called, its state while it runs, its images between runs."""

    name: str

    @property
    def folder(self) -> Path:
        return cache() / "nodes" / self.name

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    @property
    def super_kubeconfig(self) -> Path:
        """Of `system:masters`, whom no authorizer is asked about: it only makes the administrators' binding."""
        return self.folder / "super-admin.kubeconfig"

    @property
    def settings(self) -> Path:
        """Certificates and configuration; the node sees the folder as /etc/kubernetes."""
        return self.folder / "settings"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def containerd(self) -> Path:
        """Images and their layers: kept from one run to the next."""
        return self.folder / "containerd"

    @property
    def scratch(self) -> Path:
        """The kubelet's folder and Pods' logs: on disk, because limits of local storage are tested too."""
        return self.folder / "scratch"

    @property
    def mounts(self) -> Path:
        """Empty for everybody but the node, whose root is mounted here in its own mount namespace."""
        return self.folder / "mounts"

    @property
    def lock(self) -> Path:
        """Held as long as the node's keeper lives; it holds the keeper's process id."""
        return self.folder / "lock"

    @property
    def first_process(self) -> Path:
        """Holds the id, as seen from outside, of the node's process 1."""
        return self.folder / "first-process"

    @property
    def cgroup(self) -> str:
        return f"retort-node-{self.name}"
