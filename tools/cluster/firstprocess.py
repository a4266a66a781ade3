"""Process 1 of the node: makes its root and its network, starts the daemons, starts again those that end.

Runs in new network, process, mount, host-name and IPC namespaces. When it dies, the kernel kills every process
of the node and drops its mounts, devices and firewall rules; so it is never asked to stop, only killed.
All that Python may need later is imported here: after the change of root the interpreter's own files are gone.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401 - http.client asks for it by name
import json
import os
import shutil
import socket
import subprocess
import time
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final, NoReturn, TypeAlias

import cgroups
import daemons
import forwarding
import root
from daemons import Daemon
from places import CONTAINERD, NETWORKS, NODE_ADDRESS, POD_GATEWAY, SETTINGS, UPLINK, UPLINK_END

Work: TypeAlias = Callable[[], object]

PAUSE_BETWEEN_STARTS: Final = 0.3
POLL: Final = 0.05
NETWORK_SETTINGS: Final = {
    "ipv4/ip_forward": "1", "ipv4/conf/all/rp_filter": "0", "ipv4/conf/default/rp_filter": "0",
    "ipv6/conf/all/disable_ipv6": "1", "ipv6/conf/default/disable_ipv6": "1",
}  # fmt: skip


def main(orders: str) -> None:
    """`orders` is JSON, written by the keeper: the node's name, its control group, the port's descriptor, folders."""
    given = json.loads(orders)
    listener = int(given["listener"])
    os.set_inheritable(listener, False)  # noqa: FBT003 - the library's own signature
    binds = {Path(outside): inside for outside, inside in given["binds"].items()}
    programs = {inside: Path(program) for inside, program in given["programs"].items()}
    root.enter(Path(given["system"]), Path(given["mounts"]), binds, programs)
    _connect(given["name"])
    works: dict[str, Work] = {
        one.name: partial(_become, one, given["cgroup"]) for one in daemons.all_daemons(given["name"])
    }
    works["forwarding"] = partial(forwarding.serve, listener)
    for name, once in (("leftovers", _remove_leftovers), ("network", _open_when_filtered)):
        _start(name, once)
    _keep({_start(name, work): name for name, work in works.items()}, works)


def _keep(processes: dict[int, str], works: Mapping[str, Work]) -> NoReturn:
    """Bury whatever ends, start again what should run."""
    while True:
        ended, status = os.wait()
        name = processes.pop(ended, None)
        if name is not None:
            print(f"{name} ended with {os.waitstatus_to_exitcode(status)}; started again", flush=True)
            time.sleep(PAUSE_BETWEEN_STARTS)
            processes[_start(name, works[name])] = name


def _start(name: str, work: Work) -> int:
    """A child with a log of its own."""
    child = os.fork()
    if child:
        return child
    try:
        os.setsid()
        log = os.open(daemons.log_of(name), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(log, 1)
        os.dup2(log, 2)
        work()
        os._exit(0)
    except BaseException:  # noqa: BLE001 - a fork must never go on as its parent
        traceback.print_exc()
    finally:
        os._exit(1)


def _become(daemon: Daemon, cgroup: str) -> NoReturn:
    cgroups.enter(f"{cgroup}/{daemon.group}")
    while not daemon.ready_to_start():
        time.sleep(POLL)
    os.execve(daemon.command[0], daemon.command, daemons.environment(daemon))


def _connect(name: str) -> None:
    """An address on a device that leads nowhere, and no default route: nothing in here can leave the machine."""
    socket.sethostname(name)
    for setting, value in NETWORK_SETTINGS.items():
        path = Path("/proc/sys/net") / setting
        if path.exists():
            path.write_text(value)
    _ip("link", "set", "lo", "up")
    _ip("link", "add", UPLINK, "type", "veth", "peer", "name", UPLINK_END)
    _ip("address", "add", f"{NODE_ADDRESS}/30", "dev", UPLINK)
    for device in (UPLINK, UPLINK_END):
        _ip("link", "set", device, "up")
    # Pods ask for their gateway by ARP; the kernel answers for it only if it has a route to it elsewhere.
    _ip("route", "replace", f"{POD_GATEWAY}/32", "dev", UPLINK)


def _ip(*arguments: str) -> None:
    subprocess.run(["/usr/sbin/ip", *arguments], check=True)


def _remove_leftovers() -> None:
    """Containers that containerd remembers from a run that was killed: their processes are long gone."""
    ctr = ["/usr/bin/ctr", "-a", CONTAINERD, "-n", "k8s.io"]
    while subprocess.run([*ctr, "version"], capture_output=True, check=False).returncode != 0:
        time.sleep(POLL)
    listed = subprocess.run([*ctr, "containers", "list", "-q"], capture_output=True, text=True, check=True)
    for container in listed.stdout.split():
        subprocess.run([*ctr, "containers", "delete", container], check=True)


def _open_when_filtered() -> None:
    """Pods get a network only when felix has its chains in place; its readiness answers too early."""
    chain = ["/usr/sbin/nft", "list", "chain", "ip", "filter"]
    while True:
        found = [subprocess.run([*chain, name], capture_output=True, text=True, check=False)
                 for name in ("cali-from-wl-dispatch", "FORWARD")]  # fmt: skip
        if all(one.returncode == 0 for one in found) and "cali-FORWARD" in found[1].stdout:
            break
        time.sleep(POLL)
    shutil.copyfile(f"{SETTINGS}/calico.conflist", f"{NETWORKS}/.new")
    Path(f"{NETWORKS}/.new").rename(f"{NETWORKS}/10-calico.conflist")
