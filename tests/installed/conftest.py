"""The product installed on a real cluster, exactly by the commands of `docs/how-to/install-on-kubernetes.md`.

The page is followed once for all tests here, up to its section "Remove", which the end of the run follows. Run by
`make test-cluster` after the tests that need the cluster for themselves.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pages import Example, examples
from tests.cluster.conftest import PYTHON
from tests.cluster.kube import ROOT, Program, Refused, clients
from tests.installed.leavings import left_behind, of_the_product
from tests.installed.work import LONG

PAGE = ROOT / "docs" / "how-to" / "install-on-kubernetes.md"
REMOVE = "helm uninstall"
SYSTEM, EXECUTORS, PROJECT = "retort-system", "retort-executors", "research"
AMY = f"system:serviceaccount:{PROJECT}:amy"
OVER = ("Complete", "Failed")
USED = """
import pathlib
for name in ("/sys/fs/cgroup/memory/memory.stat", "/sys/fs/cgroup/memory.stat"):
    path = pathlib.Path(name)
    if path.exists():
        found = dict(line.split() for line in path.read_text().splitlines())
        print(int(found.get("total_rss", found.get("anon", 0))))
        break
"""
ENVIRONMENT, STARTED = ".environment", ".started"


@dataclass
class Installation:
    """What the page left behind; `env` is that of its shell."""

    folder: Path
    env: dict[str, str]
    kubectl: Program
    forwarding: subprocess.Popen[str] | None = None

    @property
    def project(self) -> Program:
        return self.kubectl.inside(PROJECT)

    def retort(self, *arguments: str, **env: str) -> str:
        """The command line, as the page's shell would run it."""
        return self._run([str(Path(sys.executable).with_name("retort")), *arguments], **env)

    def editor(self, project: str, person: str) -> dict[str, str]:
        """Makes a project and somebody with `edit` in it. What his shell holds: a token, and a state of his own, because
        which dataset is the current one is his affair."""
        marks = {"retort.dev/project": "enabled"}
        self.kubectl.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": project, "labels": marks}}
        )
        inside = self.kubectl.inside(project)
        inside("create", "serviceaccount", person)
        inside("create", "rolebinding", person, "--clusterrole=edit", f"--serviceaccount={project}:{person}")
        token = inside("create", "token", person, "--audience", "retort", "--duration=10h").strip()
        state = str(self.folder / f"state-{project}")
        return {"RETORT_PROJECT": project, "RETORT_TOKEN": token, "RETORT_STATE": state}

    def plugin(self, *arguments: str) -> str:
        """`kubectl retort …` as amy."""
        return self._run(
            [f"{clients()}/kubectl", "retort", "--namespace", PROJECT, *arguments], KUBECONFIG=self._amy()
        )

    def _amy(self) -> str:
        mine = self.folder / "amy.kubeconfig"
        if not mine.exists():
            mine.write_text(Path(os.environ["KUBECONFIG"]).read_text())
            as_amy = Program("kubectl", mine)
            token = self.project("create", "token", "amy").strip()
            as_amy("config", "set-credentials", "amy", f"--token={token}")
            as_amy("config", "set-context", "--current", "--user=amy")
        return str(mine)

    def forward(self) -> None:
        """Anew, to a Pod that is there now."""
        command = [f"{clients()}/kubectl", "-n", SYSTEM, "port-forward", "service/retort-api", "8765:80"]
        end = time.monotonic() + 60
        while True:  # kubectl takes any Pod of the service, one that goes just now as well
            self.close()
            self.forwarding = process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            assert process.stdout is not None
            said = process.stdout.readline()
            if "Forwarding" in said:
                return
            assert time.monotonic() < end, said
            time.sleep(0.2)

    def close(self) -> None:
        """Ends what the page started in the background, and what took its place."""
        for pid in (self.folder / STARTED).read_text().split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGTERM)
        (self.folder / STARTED).write_text("")
        if self.forwarding is not None:
            self.forwarding.terminate()
            self.forwarding.communicate()

    def _run(self, command: list[str], **more: str) -> str:
        done = subprocess.run(
            command,
            env={**self.env, **more},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )
        if done.returncode != 0:
            raise Refused(done.stdout + done.stderr)
        return done.stdout

    def task(self, source: dict[str, Any], **spec: Any) -> str:
        """An AgentTask made by amy; its name."""
        name = f"e2e-{uuid.uuid4().hex[:8]}"
        body = {
            "apiVersion": "retort.dev/v1alpha1", "kind": "AgentTask", "metadata": {"name": name},
            "spec": {"requester": AMY, "datasetName": "survey", "source": source, **spec},
        }  # fmt: skip
        self.project.as_user(AMY).apply(body)
        return name

    def status(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.project.json("get", "agenttask", name)
        return dict(found.get("status") or {})

    def until(self, name: str, *phases: str, seconds: int = 90) -> dict[str, Any]:
        """Its status once it is in one of these phases."""
        end = time.monotonic() + seconds
        while True:
            for phase in phases:
                with suppress(Refused):
                    self.project(
                        "wait",
                        f"agenttask/{name}",
                        f"--for=jsonpath={{.status.phase}}={phase}",
                        "--timeout=1s",
                    )
                    return self.status(name)
            assert time.monotonic() < end, f"{name} is not {phases} within {seconds} s: {self.status(name)}"

    def done(self, source: dict[str, Any], **spec: Any) -> dict[str, Any]:
        name = self.task(source, **spec)
        status = self.until(name, *OVER)
        assert status["phase"] == "Complete", status
        return status

    def pods(self, part: str) -> list[dict[str, Any]]:
        """Of a part of the service. Those before an upgrade may still be on their way out when the new ones are ready, and
        are left out."""
        chosen = f"app.kubernetes.io/component={part}"
        found = self.kubectl.inside(SYSTEM).json("get", "pods", "-l", chosen)["items"]
        return [one for one in found if "deletionTimestamp" not in one["metadata"]]

    def ready(self, deployment: str) -> None:
        self.kubectl.inside(SYSTEM)(
            "rollout", "status", f"deployment/{deployment}", "--timeout=90s", seconds=120
        )

    def idle(self, count: int, seconds: int = 90) -> None:
        """The pool is back to its size."""
        path = f"--for=jsonpath={{.status.ready}}={count}"
        self.kubectl.inside(EXECUTORS)(
            "wait", "executorprofile/default", path, f"--timeout={seconds}s", seconds=seconds + 20
        )

    def memory(self, namespace: str, target: str) -> float:
        """MiB in use by a Pod, its files in the page cache left out."""
        found = self.kubectl.inside(namespace)("exec", target, "--", PYTHON, "-I", "-c", USED)
        return int(found) / (1 << 20)


def script_of(found: list[Example]) -> str:
    """One bash that stops at the first command that fails, says which, and leaves its environment behind."""
    lines = ["set -eu", "trap 'echo \"line $LINENO of the page\" >&2' ERR"]
    for example in found:
        if example.command:
            lines += [f": page line {example.line}", example.command]
    return "\n".join([*lines, f"env -0 > {ENVIRONMENT}", f"jobs -p > {STARTED}", ""])


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("page")
    kubectl = Program("kubectl", Path(os.environ["KUBECONFIG"]))
    before = of_the_product(kubectl)
    (folder / "charts").symlink_to(ROOT / "charts")
    found = list(examples(PAGE))
    first = next(n for n, example in enumerate(found) if example.command.startswith(REMOVE))
    for example in found:
        if example.name:
            (folder / example.name).write_text("\n".join(example.text) + "\n", "utf-8")
    path = f"{Path(sys.executable).parent}:{clients()}:{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "RETORT_STATE": str(folder / "state"), "RETORT_LANG": "en"}
    for name in ("RETORT_URL", "RETORT_PROJECT", "RETORT_DATASET", "RETORT_TOKEN"):
        env.pop(name, None)
    done = subprocess.run(
        ["bash", "-x", "-c", script_of(found[:first])],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{PAGE.name}:\n{done.stdout[-3000:]}\n{done.stderr[-4000:]}"
    left = (folder / ENVIRONMENT).read_bytes().split(b"\0")
    env = dict(part.decode().split("=", 1) for part in left if b"=" in part)
    installed = Installation(folder, env, kubectl)
    try:
        yield installed
    finally:
        try:  # removed with a task at work, which goes with the rest
            installed.until(installed.task(LONG, base="main", branch="left", review="Auto"), "Running")
        finally:
            installed.close()
            for example in found[first:]:
                if example.command.startswith(REMOVE):
                    subprocess.run(
                        ["bash", "-c", example.command], cwd=folder, env=env, check=True, capture_output=True
                    )
            left = left_behind(kubectl, before)
        assert not left, f"the page does not say that these stay: {sorted(left)}"
