"""The keys of a node: two authorities, the servers' and the clients' certificates, the key of service accounts.

Made once per node by openssl on curve P-256, valid for ten years, readable by root alone. They are worth nothing
outside: the node is reached over one loopback port of this machine.

Administrators are what kubeadm makes of them since 1.29: a group that a ClusterRoleBinding gives everything, so that they go
through the authorizer like everybody else, and one certificate of `system:masters`, which only makes that binding.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from commands import run
from places import API_SERVICE, DOMAIN, NODE_ADDRESS, Node, content_key

DAYS: Final = "3650"
AUTHORITY, FRONT_PROXY = "ca", "front-proxy-ca"
ADMINISTRATORS: Final = "kubeadm:cluster-admins"  # the group, and its ClusterRoleBinding


@dataclass(frozen=True)
class Certificate:
    """`names` are those a server is reached by; without them it is a client's."""

    name: str
    subject: str
    names: tuple[str, ...] = ()
    authority: str = AUTHORITY


def certificates(node: Node) -> tuple[Certificate, ...]:
    service = [".".join(["kubernetes", "default", "svc", *DOMAIN.split(".")][:n]) for n in (1, 2, 3, 5)]
    addresses = [f"IP:{address}" for address in ("127.0.0.1", NODE_ADDRESS, API_SERVICE)]
    server = (*(f"DNS:{name}" for name in [*service, "localhost"]), *addresses)
    member = f"/O=system:nodes/CN=system:node:{node.name}"
    return (
        Certificate("apiserver", "/CN=kube-apiserver", server),
        Certificate("apiserver-kubelet-client", f"/O={ADMINISTRATORS}/CN=kube-apiserver-kubelet-client"),
        Certificate("front-proxy-client", "/CN=front-proxy-client", authority=FRONT_PROXY),
        Certificate("kubelet-server", member, (f"DNS:{node.name}", f"IP:{NODE_ADDRESS}")),
        Certificate("kubelet", member),
        Certificate("admin", f"/O={ADMINISTRATORS}/CN=retort-node-admin"),
        Certificate("super-admin", "/O=system:masters/CN=retort-node-super-admin"),
        Certificate("controller-manager", "/CN=system:kube-controller-manager"),
        Certificate("scheduler", "/CN=system:kube-scheduler"),
        Certificate("kube-proxy", "/CN=system:kube-proxy"),
        Certificate("calico", "/CN=retort-node:calico"),
    )


def make(node: Node) -> None:
    """All of them, unless these very ones are there."""
    folder = node.settings
    done = folder / f"certificates-{content_key(repr(certificates(node)))}"
    if done.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    for authority in (AUTHORITY, FRONT_PROXY):
        _authority(folder, authority)
    for one in certificates(node):
        _sign(folder, one)
    _key(folder / "service-accounts.key")
    run(
        [
            "openssl",
            "pkey",
            "-in",
            folder / "service-accounts.key",
            "-pubout",
            "-out",
            folder / "service-accounts.pub",
        ]
    )
    done.touch()


def _key(path: Path) -> None:
    run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path])


def _authority(folder: Path, name: str) -> None:
    key = folder / f"{name}.key"
    _key(key)
    run(
        [
            "openssl", "req", "-x509", "-new", "-key", key, "-subj", f"/CN=retort-node-{name}", "-days", DAYS,
            "-out", folder / f"{name}.crt", "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,digitalSignature,keyEncipherment,keyCertSign",
        ]
    )  # fmt: skip


def _sign(folder: Path, one: Certificate) -> None:
    key, request, extensions = (folder / f"{one.name}.{ending}" for ending in ("key", "csr", "ext"))
    _key(key)
    run(["openssl", "req", "-new", "-key", key, "-subj", one.subject, "-out", request])
    lines = ["basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature"]
    lines.append(f"extendedKeyUsage={'serverAuth' if one.names else 'clientAuth'}")
    if one.names:
        lines.append(f"subjectAltName={','.join(one.names)}")
    extensions.write_text("\n".join(lines) + "\n")
    run(
        [
            "openssl", "x509", "-req", "-in", request, "-CA", folder / f"{one.authority}.crt",
            "-CAkey", folder / f"{one.authority}.key", "-CAcreateserial", "-days", DAYS,
            "-extfile", extensions, "-out", folder / f"{one.name}.crt",
        ]
    )  # fmt: skip
    request.unlink()
    extensions.unlink()
