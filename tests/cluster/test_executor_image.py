"""The executor's image as a Pod: read-only, without root, without a token, and its own walls stand inside."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# What a warm executor is while it waits: the supervisor, and its fork server with polars and Arrow loaded.
# As a Pod of the operator starts: the door, which is ready once a worker waits behind its walls.
IDLE = """
import os, runpy, sys
os.environ.update(RETORT_SESSION_KEY="00" * 32, RETORT_POD_NAME="main")
sys.argv = ["door", "--worker", "retort_executor.worker:main", "--threads", "1"]
runpy.run_module("retort_core.door", run_name="__main__")
"""
LOOK = """
import json, os, pathlib
def try_to_write(path):
    try:
        pathlib.Path(path).write_text("x")
        return "written"
    except OSError as problem:
        return type(problem).__name__ + " " + str(problem.errno)
print(json.dumps({
    "uid": os.getuid(), "groups": os.getgroups(),
    "token": os.path.exists("/var/run/secrets/kubernetes.io"),
    "services": [name for name in os.environ if name.endswith("_SERVICE_HOST") and not name.startswith("KUBERNETES_")],
    "root": try_to_write("/x"), "own": try_to_write("/opt/retort/x"), "usr": try_to_write("/usr/lib/x"),
    "tmp": try_to_write("/tmp/x"),
    "status": {line.split(":")[0]: line.split(":")[1].strip() for line in open("/proc/self/status")
               if line.startswith(("CapEff", "NoNewPrivs", "Seccomp:"))},
    "programs": [name for name in ("sh", "bash", "apt", "dpkg", "pip", "curl", "wget", "perl", "tar")
                 for folder in ("/bin", "/usr/bin", "/sbin", "/usr/sbin", "/opt/retort/bin")
                 if os.path.exists(folder + "/" + name)],
}))
"""


def test_the_image_runs_read_only_without_root_and_without_a_token(namespace_of, start_pod) -> None:
    found = json.loads(start_pod(namespace_of(restricted=True), LOOK).output())
    assert found.pop("uid") >= 10000
    assert 0 not in found.pop("groups")
    assert found == {
        "token": False, "services": [], "programs": [],
        "root": "OSError 30", "own": "OSError 30", "usr": "OSError 30",  # EROFS
        "tmp": "written",
        "status": {"CapEff": "0" * 16, "NoNewPrivs": "1", "Seccomp": "2"},
    }  # fmt: skip


def test_the_walls_of_a_worker_stand_inside_a_pod(namespace_of, start_pod) -> None:
    probe = """
import json
from retort_core.probing import probe
report = probe()
print(json.dumps({"proven": report.proven, "problem": report.problem, "enforced": dict(report.enforced),
                  "states": {one.name: one.state for one in report.barriers}}))
"""
    namespace = namespace_of(restricted=True)
    found = json.loads(start_pod(namespace, probe).output())
    assert found["proven"], found
    assert set(found["states"].values()) == {"stands"}, found
    assert {"filter", "landlock", "privileges"} <= set(found["enforced"]["barriers"])


def test_an_idle_executor_takes_at_most_120_mib(kubectl, namespace_of, start_pod, record_property) -> None:
    """The second one of a node: to the first one the kernel also counts the image's files, some 37 MiB that all of them share."""
    first = start_pod(namespace_of(), IDLE).wait_ready()
    assert eventually(lambda: "ready" in first.logs())
    namespace = namespace_of()
    pod = start_pod(namespace, IDLE).wait_ready()
    assert eventually(lambda: "ready" in pod.logs())
    node = pod.object()["spec"]["nodeName"]
    used = eventually(lambda: _working_set(kubectl, node, namespace))
    record_property("idle executor, MiB", round(used / 2**20))
    assert used <= 120 << 20


def _working_set(kubectl, node: str, namespace: str) -> int:
    """Of the namespace's one Pod, as the kubelet would compare it with a limit; it measures every 10 s."""
    summary = json.loads(kubectl("get", "--raw", f"/api/v1/nodes/{node}/proxy/stats/summary"))
    pods = [pod for pod in summary["pods"] if pod["podRef"]["namespace"] == namespace]
    return int(pods[0].get("memory", {}).get("workingSetBytes", 0)) if pods else 0


def eventually(ask: Callable[[], T]) -> T:
    end = time.monotonic() + 60
    while not (found := ask()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.2)
    return found
