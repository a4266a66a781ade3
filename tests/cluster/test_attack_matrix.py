"""Attacks from inside real executor Pods, on the network and on other tenants' bytes, with barriers taken away one by one.

Hostile code is given to an executor through its door (`behind_the_door`), or runs in the same Pod without the door, where a
wall is to be missing. Declared in `tools/attacks.py`; the cells in which an attack must succeed keep the others honest.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import attacks
import pytest
from attacks import BOTH, NEITHER, NO_FIRST, NO_SECOND, Attack, Seen

from retort_core.errors import RetortError

from .attack_pods import Executor, Ground, ground, output_of, side_by_side
from .conftest import Pod, shape
from .kube import Program
from .test_network import LISTEN

pytestmark = pytest.mark.timeout(400)
CELLS = list(attacks.cells("network", "tenants"))
LINK_LOCAL = "169.254.77.77"
TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"
LIBRARY = "/opt/retort/bin/python"
# On the node itself: a link-local address of its loopback, gone with the Pod; a listener there, one on 127.0.0.1, one without
# an address. Aliases are set by ioctl (SIOCSIFADDR, SIOCSIFNETMASK, SIOCSIFFLAGS): there is no `ip` in the image.
ON_THE_NODE = """
import fcntl, signal, socket, struct, sys, threading
control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
def set(call, value): fcntl.ioctl(control, call, b"lo:retort".ljust(16, b"\\0") + value.ljust(24, b"\\0"))
def address(text): return struct.pack("HH4s", socket.AF_INET, 0, socket.inet_aton(text))
set(0x8916, address("LINK_LOCAL")); set(0x891C, address("255.255.255.255"))
def gone(*_):
    set(0x8914, struct.pack("h", 0)); sys.exit()
signal.signal(signal.SIGTERM, gone)
servers = [socket.create_server((host, 18080)) for host in ("LINK_LOCAL", "127.0.0.1")]
named = socket.socket(socket.AF_UNIX); named.bind("\\0retort-attack"); named.listen(50)
def take(server):
    while True: server.accept()[0].close()
for one in [*servers, named]: threading.Thread(target=take, args=(one,), daemon=True).start()
print("ready", flush=True)
while True: signal.pause()
""".replace("LINK_LOCAL", LINK_LOCAL)
# A Pod that is nobody's broker, with or without the key of the executor it dials.
KNOCK = """
import json, socket, sys
from retort_core.errors import RetortError
from retort_core.handshake import GREETING, MAC, Binding, BrokerSide, session_key
def exactly(s, n):
    data = b""
    while len(data) < n:
        piece = s.recv(n - len(data))
        if not piece: raise ConnectionResetError(104, "turned away")
        data += piece
    return data
found = {}
for name, (host, pod, key) in json.loads(sys.argv[1]).items():
    side = BrokerSide(bytes.fromhex(key), Binding(pod=pod, task="d" * 32, attempt=1, seconds=60))
    try:
        with socket.create_connection((host, 7070), timeout=3) as s:
            s.sendall(side.reply(exactly(s, GREETING)))
            side.verify(exactly(s, MAC))
        found[name] = "out"
    except TimeoutError: found[name] = "no answer"
    except OSError: found[name] = "turned away"
print(json.dumps(found))
"""
# One process for both runs, as an executor that forgot to fork would be; and a session that is not ended after its first job.
REUSED = """
import json
from retort_core.jobs import Job
from retort_core.sessions import Session
LEAVE = "import builtins, sys\\nbuiltins.mark = 'left'\\ndef run(table):\\n    sys.modules['mark'] = table\\n    return table\\n"
LOOK = "import builtins, sys\\nimport polars as pl\\ndef run(table):\\n    return pl.DataFrame({'x': [int(hasattr(builtins, 'mark') or 'mark' in sys.modules)]})\\n"
import io, polars as pl
from retort_core.wire import read_parts
out = io.BytesIO()
pl.DataFrame({"x": [1]}).write_ipc_stream(out, compat_level=pl.CompatLevel.oldest())
with Session.start("retort_executor.worker:main", threads=1) as session:
    for source in (LEAVE, LOOK):
        result = session.run(Job("a", "script", {"source": source}, inputs=("table",)), {"table": out.getvalue()})
forked = pl.read_ipc_stream(result.parts["table"]).item()
table = pl.DataFrame({"x": [1]})
for source in (LEAVE, LOOK):
    names = {}
    exec(source, names)
    same = names["run"](table).item()
print(json.dumps({"forked": "out" if forked else "nothing was left", "same": "out" if same else "nothing was left"}))
"""


@dataclass(frozen=True)
class Field:
    """The two namespaces and what can be aimed at."""

    walled: Ground
    open: Ground
    node: Pod
    server: Pod
    service: str
    api: tuple[str, int]
    host: str
    dns: str
    secret: str

    def network(self, executor: str) -> list[tuple[str, str, list[Any]]]:
        server = self.server.address
        return [
            ("tcp-pod", "tcp", [server, 8080]),
            ("tcp-service", "tcp", [self.service, 80]),
            ("tcp-executor", "tcp", [executor, 7070]),
            ("tcp-api", "tcp", list(self.api)),
            ("tcp-node", "tcp", [self.host, 6443]),
            ("tcp-kubelet", "tcp", [self.host, 10250]),
            ("tcp-link-local", "tcp", [LINK_LOCAL, 18080]),
            ("udp-pod", "udp", [server, 8080]),
            ("udp-service", "udp", [self.service, 80]),
            ("dns", "dns", [self.dns]),
            ("dns-name", "name", ["kubernetes.default.svc.cluster.local"]),
        ]

    @property
    def icmp(self) -> list[tuple[str, str, list[Any]]]:
        return [("icmp", "icmp", [self.server.address])]

    @property
    def of_the_node(self) -> list[tuple[str, str, list[Any]]]:
        return [
            ("loopback-node", "tcp", ["127.0.0.1", 18080]),
            ("abstract-node", "abstract", ["retort-attack"]),
            ("other-pod", "anybody", [self.secret]),
        ]

    def first_process(self, secret: str) -> list[tuple[str, str, list[Any]]]:
        return [("environment", "environment", [1, secret]), ("memory", "memory", [1, secret])]


PROGRAM = [("program", "program", [LIBRARY])]
MARK = [("mark", "write", ["/tmp/mark"])]
READ_TOKEN = [("token", "read", [TOKEN])]
ALL = ("filter", "landlock", "user", "limits", "privileges", "descriptors")


@pytest.fixture(scope="module")
def field(kubectl: Program, helm: Program, image: Callable[[str], str]) -> Iterator[Field]:
    with ExitStack() as stack:
        walled, free = (
            stack.enter_context(ground(kubectl, helm, image("executor"), walled=walled, restricted=walled))
            for walled in (True, False)
        )
        yield _field(walled, free, kubectl)
        # The address of the node goes with its Pod, before the namespaces are left to go by themselves.
        free.kubectl("delete", "pod", "node", "--timeout=30s")


def _field(walled: Ground, free: Ground, kubectl: Program) -> Field:
    secret = secrets.token_hex(16)
    free.kubectl.apply(
        shape("server", free.image, LISTEN, labels={"app": "server"}),
        _node(free),
        _service(),
        _victim(free, secret),
    )
    server, node, victim = (Pod(free.kubectl, name).wait_ready() for name in ("server", "node", "victim"))
    default = kubectl.inside("default")
    api = default.json("get", "service", "kubernetes")["spec"]
    return Field(
        walled, free, node, server,
        service=free.kubectl.json("get", "service", "server")["spec"]["clusterIP"],
        api=(api["clusterIP"], api["ports"][0]["port"]),
        host=victim.object()["status"]["hostIP"],
        dns=kubectl.inside("kube-system").json("get", "service", "kube-dns")["spec"]["clusterIP"],
        secret=secret,
    )  # fmt: skip


def _service() -> dict[str, Any]:
    ports = [{"name": how, "port": 80, "targetPort": 8080, "protocol": how.upper()} for how in ("tcp", "udp")]
    spec = {"selector": {"app": "server"}, "ports": ports}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "server"}, "spec": spec}


def _node(free: Ground) -> dict[str, Any]:
    body = shape("node", free.image, ON_THE_NODE)
    body["spec"] |= {"hostNetwork": True, "securityContext": {"runAsUser": 0}}
    body["spec"]["containers"][0]["securityContext"] = {
        "capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN"]}
    }
    return body


VICTIM = 23456  # the user of another tenant's executor, and of the attacker where nothing is to stand


def _victim(free: Ground, secret: str) -> dict[str, Any]:
    body = shape("victim", free.image, "import time; time.sleep(600)")
    body["spec"]["securityContext"] |= {"runAsUser": VICTIM, "runAsGroup": VICTIM}
    body["spec"]["containers"][0]["env"] = [{"name": "SECRET", "value": secret}]
    return body


def everything_open(body: dict[str, Any]) -> None:
    """A token, names, and no policy."""
    body["spec"] |= {"automountServiceAccountToken": True, "dnsPolicy": "ClusterFirst", "dnsConfig": {}}


def on_the_node(body: dict[str, Any]) -> None:
    body["spec"] |= {"hostNetwork": True, "hostPID": True}
    body["spec"]["securityContext"] |= {"runAsUser": VICTIM, "runAsGroup": VICTIM, "fsGroup": VICTIM}


def as_root(body: dict[str, Any]) -> None:
    body["spec"]["securityContext"] = {"runAsUser": 0}
    capabilities = {"drop": ["ALL"], "add": ["NET_RAW", "SETUID", "SETGID"]}
    body["spec"]["containers"][0]["securityContext"] = {"capabilities": capabilities}


@pytest.fixture(scope="module")
def seen(field: Field) -> Seen:
    """Every cell once. Parts that need nothing of one another run side by side; a Pod takes one to three seconds."""
    parts = (
        _through_the_door,
        _without_walls,
        _without_the_rest,
        _on_the_node,
        _as_root,
        _strangers,
        _second_run,
    )
    return side_by_side(parts, field)


def _through_the_door(field: Field) -> Seen:
    """All barriers; then the same door in a namespace without a policy, with names and a token."""
    target, inside = field.walled.executor(), field.walled.executor()
    wanted = [
        *field.network(target.pod.address), *field.icmp, *field.of_the_node, *READ_TOKEN, *PROGRAM, *MARK,
        *field.first_process(inside.key),
    ]  # fmt: skip
    found: Seen = {(name, BOTH): word for name, word in inside.attempts(wanted).items()}
    other, free = field.open.executor(), field.open.executor(everything_open)
    outside = free.attempts([*field.network(other.pod.address), *READ_TOKEN])
    return found | {(name, NO_SECOND): word for name, word in outside.items()}


def _without_walls(field: Field) -> Seen:
    """In the walled namespace: what stands when code runs there free of every wall, or of one."""
    target, secret = field.walled.executor(), secrets.token_hex(16)
    first = [
        *field.network(target.pod.address),
        *field.icmp,
        *field.of_the_node,
        *READ_TOKEN,
        *field.first_process(secret),
    ]
    runs = [
        (NO_FIRST, ALL, first),
        ("no filter", ("filter",), PROGRAM),
        ("no landlock", ("landlock",), [*PROGRAM, *MARK]),
        ("no limits", ("limits",), MARK),
        ("no files", ("landlock", "filter"), MARK),
        (NEITHER, ALL, [*PROGRAM, *MARK]),
    ]
    told = output_of(field.walled.without(runs, dumpable=False, secret=secret))
    found = {(name, NO_FIRST): word for name, word in told[NO_FIRST].items()}
    found[("program", NO_FIRST)] = told["no filter"]["program"]
    found[("program", NO_SECOND)] = told["no landlock"]["program"]
    found[("mark", NO_FIRST)] = told["no files"]["mark"]
    found[("mark", NO_SECOND)] = told["no limits"]["mark"]
    return found | {(name, NEITHER): word for name, word in told[NEITHER].items()}


def _without_the_rest(field: Field) -> Seen:
    """In the open namespace, with a token, names and a first process that can be looked into."""
    target, secret = field.open.executor(), secrets.token_hex(16)
    inside = [*READ_TOKEN, *field.first_process(secret)]
    runs = [(NO_SECOND, (), inside), (NEITHER, ALL, [*field.network(target.pod.address), *inside])]
    told = output_of(field.open.without(runs, everything_open, secret=secret))
    return {(name, cell): word for cell, found in told.items() for name, word in found.items()}


def _on_the_node(field: Field) -> Seen:
    runs = [(NO_SECOND, (), field.of_the_node), (NEITHER, ALL, field.of_the_node)]
    told = output_of(field.open.without(runs, on_the_node))
    return {(name, cell): word for cell, found in told.items() for name, word in found.items()}


def _as_root(field: Field) -> Seen:
    told = output_of(field.open.without([(NO_SECOND, (), field.icmp), (NEITHER, ALL, field.icmp)], as_root))
    return {(name, cell): word for cell, found in told.items() for name, word in found.items()}


def _strangers(field: Field) -> Seen:
    walled, free = field.walled.executor(), field.open.executor()
    wrong = secrets.token_hex(32)
    targets = {
        cell: (one.pod.address, one.pod.name, key)
        for cell, one, key in (
            (BOTH, walled, wrong), (NO_FIRST, walled, walled.key), (NO_SECOND, free, wrong), (NEITHER, free, free.key),
        )
    }  # fmt: skip
    body = shape("stranger", field.open.image, KNOCK)
    body["spec"]["containers"][0]["command"].append(json.dumps(targets))
    field.open.kubectl.apply(body)
    told = output_of(Pod(field.open.kubectl, "stranger"))
    return {("stranger", cell): word for cell, word in told.items()}


def _second_run(field: Field) -> Seen:
    executor = field.walled.executor()
    ended, _, _ = executor.run("def run(table):\n    return table\n")
    ended.raise_for_error()
    field.open.kubectl.apply(shape("reused", field.open.image, REUSED))
    told = output_of(Pod(field.open.kubectl, "reused"))
    return {
        ("second-run", BOTH): _again(executor),
        ("second-run", NO_SECOND): told["forked"],
        ("second-run", NEITHER): told["same"],
    }


def _again(executor: Executor) -> str:
    """The same proven client, once more."""
    try:
        executor.run("def run(table):\n    return table\n")
    except (RetortError, AssertionError):
        return "nobody answers"
    return attacks.OUT


@pytest.mark.parametrize(("attack", "cell"), CELLS, ids=[f"{one.key}, {cell}" for one, cell in CELLS])
def test_cell(seen: Seen, attack: Attack, cell: str) -> None:
    assert (attack.key, cell) in seen, "declared and not tried"
    assert not attacks.stands(attack, cell, seen[attack.key, cell])


def test_nothing_is_tried_that_is_not_declared(seen: Seen) -> None:
    assert set(seen) <= {(one.key, cell) for one, cell in CELLS}
