"""What runs in the node, with its arguments, and what each has to wait for.

Every one of them is started again when it ends: tests kill them.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import cgroups
from places import (
    API_PORT, LOGS, NODE_ADDRESS, POD_RANGE, PROGRAMS, SERVICE_RANGE, SETTINGS, UPLINK,
)  # fmt: skip

KUBERNETES: Final = f"{PROGRAMS}/kubernetes"
SCRATCH: Final = "/var/lib/kubelet"
VOLUME_PLUGINS: Final = f"{SCRATCH}/volume-plugins"
PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Daemon:
    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    ready_to_start: Callable[[], bool] = lambda: True
    group: str = cgroups.SYSTEM


def api_answers() -> bool:
    context = ssl.create_default_context(cafile=f"{SETTINGS}/ca.crt")
    context.load_cert_chain(f"{SETTINGS}/admin.crt", f"{SETTINGS}/admin.key")
    connection = http.client.HTTPSConnection(NODE_ADDRESS, API_PORT, timeout=2, context=context)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


def all_daemons(node_name: str) -> tuple[Daemon, ...]:
    return (
        Daemon("etcd", ETCD, group=cgroups.CONTROL_PLANE),
        Daemon("containerd", ("/usr/bin/containerd", "-c", f"{SETTINGS}/containerd.toml")),
        Daemon("kube-apiserver", API_SERVER, group=cgroups.CONTROL_PLANE),
        Daemon("felix", (f"{PROGRAMS}/felix",), felix(node_name), api_answers),
        Daemon("kubelet", kubelet(node_name), {}, api_answers),
        Daemon("kube-controller-manager", CONTROLLERS, {}, api_answers, cgroups.CONTROL_PLANE),
        Daemon("kube-scheduler", SCHEDULER, {}, api_answers, cgroups.CONTROL_PLANE),
        Daemon(
            "kube-proxy", (KUBERNETES, "kube-proxy", f"--config={SETTINGS}/kube-proxy.json"), {}, api_answers
        ),
    )


CLIENT_URL, PEER_URL = "http://127.0.0.1:2379", "http://127.0.0.1:2380"
# The data lies in memory: a node begins empty, and nothing waits for a disk.
ETCD: Final = (
    "/usr/bin/etcd", "--name=node", "--data-dir=/var/lib/etcd/data", "--log-level=warn",
    f"--listen-client-urls={CLIENT_URL}", f"--advertise-client-urls={CLIENT_URL}",
    f"--listen-peer-urls={PEER_URL}", f"--initial-advertise-peer-urls={PEER_URL}",
    f"--initial-cluster=node={PEER_URL}",
)  # fmt: skip

API_SERVER: Final = (
    KUBERNETES, "kube-apiserver", f"--etcd-servers={CLIENT_URL}", "--bind-address=0.0.0.0",
    f"--secure-port={API_PORT}", f"--advertise-address={NODE_ADDRESS}",
    f"--service-cluster-ip-range={SERVICE_RANGE}", f"--client-ca-file={SETTINGS}/ca.crt",
    f"--tls-cert-file={SETTINGS}/apiserver.crt", f"--tls-private-key-file={SETTINGS}/apiserver.key",
    f"--kubelet-certificate-authority={SETTINGS}/ca.crt", "--kubelet-preferred-address-types=InternalIP",
    f"--kubelet-client-certificate={SETTINGS}/apiserver-kubelet-client.crt",
    f"--kubelet-client-key={SETTINGS}/apiserver-kubelet-client.key",
    "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
    f"--service-account-key-file={SETTINGS}/service-accounts.pub",
    f"--service-account-signing-key-file={SETTINGS}/service-accounts.key",
    f"--requestheader-client-ca-file={SETTINGS}/front-proxy-ca.crt",
    "--requestheader-allowed-names=front-proxy-client", "--requestheader-username-headers=X-Remote-User",
    "--requestheader-group-headers=X-Remote-Group", "--requestheader-extra-headers-prefix=X-Remote-Extra-",
    f"--proxy-client-cert-file={SETTINGS}/front-proxy-client.crt",
    f"--proxy-client-key-file={SETTINGS}/front-proxy-client.key",
    "--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction",
    "--anonymous-auth=false", "--allow-privileged=true", "--profiling=false",
)  # fmt: skip

# With the default of 20 requests a second a new namespace waits 7 to 10 s for its service account.
PACE: Final = ("--kube-api-qps=500", "--kube-api-burst=1000")


def _as(client: str) -> tuple[str, ...]:
    """Who it is towards the API, and whom it asks about its own callers."""
    path = f"{SETTINGS}/{client}.kubeconfig"
    flags = ("kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig")
    return tuple(f"--{flag}={path}" for flag in flags)


ALONE: Final = ("--bind-address=127.0.0.1", "--leader-elect=false", "--profiling=false")
CONTROLLERS: Final = (
    KUBERNETES, "kube-controller-manager", *_as("controller-manager"), *ALONE, *PACE,
    "--use-service-account-credentials=true", f"--root-ca-file={SETTINGS}/ca.crt",
    f"--service-account-private-key-file={SETTINGS}/service-accounts.key",
    f"--client-ca-file={SETTINGS}/ca.crt", f"--requestheader-client-ca-file={SETTINGS}/front-proxy-ca.crt",
    f"--cluster-signing-cert-file={SETTINGS}/ca.crt", f"--cluster-signing-key-file={SETTINGS}/ca.key",
    "--allocate-node-cidrs=true", f"--cluster-cidr={POD_RANGE}", "--node-cidr-mask-size=24",
    f"--service-cluster-ip-range={SERVICE_RANGE}", f"--flex-volume-plugin-dir={VOLUME_PLUGINS}",
)  # fmt: skip
SCHEDULER: Final = (KUBERNETES, "kube-scheduler", *_as("scheduler"), *ALONE, *PACE)


def kubelet(node_name: str) -> tuple[str, ...]:
    return (
        KUBERNETES, "kubelet", f"--config={SETTINGS}/kubelet.json", f"--kubeconfig={SETTINGS}/kubelet.kubeconfig",
        f"--hostname-override={node_name}", f"--node-ip={NODE_ADDRESS}", f"--root-dir={SCRATCH}",
        f"--cert-dir={SCRATCH}/pki", f"--volume-plugin-dir={VOLUME_PLUGINS}",
    )  # fmt: skip


def felix(node_name: str) -> dict[str, str]:
    """Calico enforces NetworkPolicy and does nothing else: no BGP, no tunnels, no own addresses."""
    settings = {
        "DATASTORETYPE": "kubernetes", "FELIXHOSTNAME": node_name, "IPTABLESBACKEND": "nft",
        "IPV6SUPPORT": "false", "BPFENABLED": "false", "XDPENABLED": "false", "USAGEREPORTINGENABLED": "false",
        "PROMETHEUSMETRICSENABLED": "false", "HEALTHENABLED": "true", "HEALTHHOST": "127.0.0.1",
        "IPIPENABLED": "false", "VXLANENABLED": "false", "WIREGUARDENABLED": "false",
        # A Pod that no policy selects may reach the node, as it may on every ordinary cluster.
        "DEFAULTENDPOINTTOHOSTACTION": "ACCEPT",
        "MTUIFACEPATTERN": f"^{UPLINK}$", "LOGSEVERITYSCREEN": "Warning", "LOGFILEPATH": "none",
        "LOGSEVERITYFILE": "none", "LOGSEVERITYSYS": "none", "ENDPOINTSTATUSPATHPREFIX": "/run/calico",
    }  # fmt: skip
    return {
        "DATASTORE_TYPE": "kubernetes", "KUBECONFIG": f"{SETTINGS}/calico.kubeconfig", "NODENAME": node_name,
        "USE_POD_CIDR": "true", **{f"FELIX_{name}": value for name, value in settings.items()},
    }  # fmt: skip


def environment(daemon: Daemon) -> dict[str, str]:
    return {"PATH": PATH, "HOME": "/root", **daemon.environment}


def log_of(daemon_name: str) -> str:
    return f"{LOGS}/{daemon_name}.log"
